# Two environments from one pinned list; `make help` shows what there is.
SHELL := /bin/sh
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
PY := .venv/bin/python
BOT := .venv-bot/bin/python
export RASA_TELEMETRY_ENABLED := false
export TF_CPP_MIN_LOG_LEVEL := 3
# uv may fetch an interpreter, but never replaces one that is here.
export UV_PYTHON_PREFERENCE := system

.DEFAULT_GOAL := help
.PHONY: help setup run train evaluate bench migrate seed test check quick lint format lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/.ready .venv-bot/.ready ## both environments

run: setup train ## everything: trains if needed, migrates, seeds, starts all processes, prints the addresses
	@$(PY) manage.py run

train: .venv-bot/.ready ## the language model, when data or pipeline changed
	@$(BOT) -m bot.train --if-changed --guard "$(BOT) -m bench.guard tests/evaluation/nlu.jsonl" $(if $(ACCEPT_WORSE),--accept-worse)

evaluate: setup train ## how well it does: make evaluate DATA=dir (nlu.jsonl, locations.jsonl, conversations.jsonl)
	@$(PY) -m bench.evaluate $(or $(DATA),tests/evaluation)

bench: setup train ## the figures of bench/, beside stock Rasa; takes about an hour
	$(PY) -m bench.evaluate tests/evaluation
	$(PY) -m bench.turns
	$(PY) -m bench.filing
	$(PY) -m bench.pipelines
	$(PY) -m bench.ack
	$(PY) -m bench.hostile
	$(PY) -m bench.chaos

migrate: .venv/.ready ## the database to the newest schema
	@$(PY) manage.py migrate

seed: .venv/.ready ## units, and demo accounts and cases while nothing real is connected
	@$(PY) manage.py seed

test: setup train ## all tests: side by side, then the journeys through real processes one by one
	$(PY) -m pytest -n 2 -m "not processes and not browser"
	$(PY) -m pytest -m "processes or browser"
	$(BOT) -m unittest discover -q -s tests/bot -t .

check: setup ## lint, types and the tests without processes, side by side
	@$(MAKE) --no-print-directory -j2 --output-sync=target lint quick

quick: .venv/.ready
	$(PY) -m pytest -n 2 -m "not processes and not browser and not postgres"

lint: .venv/.ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: .venv/.ready ## put the code into shape
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

lock: $(UV) ## pin requirements.in anew
	$(UV) pip compile --universal --python-version 3.10 requirements.in -o requirements.txt --no-annotate -q

clean: ## everything that is made, the database included
	rm -rf .venv .venv-bot .tools var

.tools/bin/uv:
	@echo "uv is not here: installing it into .tools/"
	@python3 -m pip install -q --root-user-action=ignore --target .tools uv==$(UV_VERSION) 2>.tools.log && rm -f .tools.log || \
	  { cat .tools.log >&2; rm -f .tools.log; \
	    echo "uv is missing and pip could not install it: install Python 3.12 with pip, or uv itself." >&2; exit 1; }

.venv/.ready: requirements.txt | $(UV)
	@echo "Making .venv (Python 3.12)"
	@rm -rf .venv && $(UV) venv -q --python 3.12 .venv || { echo "Python 3.12 is neither here nor to be fetched: install python3.12." >&2; exit 1; }
	@$(UV) pip sync -q --python .venv/bin/python requirements.txt
	@touch $@

.venv-bot/.ready: requirements.txt | $(UV)
	@echo "Making .venv-bot (Python 3.10 for Rasa, about 2.5 GB)"
	@rm -rf .venv-bot && $(UV) venv -q --python 3.10 .venv-bot || { echo "Python 3.10 (for Rasa) is neither here nor to be fetched: install python3.10." >&2; exit 1; }
	@$(UV) pip sync -q --python .venv-bot/bin/python requirements.txt
	@touch $@
