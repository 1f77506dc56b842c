"""Our pipeline beside Rasa's own on the same sample of the training data: `python -m bench.pipelines`.

The sample is stratified: the same share of every label, drawn with a fixed seed. Rasa's own needs over an hour for the
whole data; `--share 1` asks for it all the same.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import yaml

from bench import nlu
from bench.evaluate import parse
from bench.figures import Figure, Number, quantile, row
from bench.processes import BOT_PYTHON, our_rasa

_SEED = 20261127
_PIPELINES = {"ours": Path("config.yml"), "stock": Path("bench/stock/config.yml")}
_SHOWN = ("intent_accuracy", "intent_macro_f1", "emergency_recall", "petitions_recall", "petition_false_alarms_reports")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints one table per pipeline."""
    options = _options(arguments)
    items = nlu.read_items(options.test)
    with tempfile.TemporaryDirectory() as folder:
        lines = write_sample(Path("data"), Path(folder) / "data", options.share)
        print(f"{lines} lines, {options.share:.0%} of every label")
        for name in options.only or _PIPELINES:
            print(f"\n{name}")
            for figure in measured(_PIPELINES[name], Path(folder), Path(folder) / name, items):
                print(row(figure))
    return 0


def measured(config: Path, folder: Path, output: Path, items: Sequence[nlu.Item]) -> list[Figure]:
    """Trains, asks /model/parse of every message, and gives the figures that both pipelines have."""
    start = time.monotonic()
    data = [str(folder / "data"), "data/rules.yml"]
    command = [BOT_PYTHON, "-m", "bot.train", "--config", str(config), "--output", str(output), "--data", *data]
    subprocess.run(command, check=True)
    seconds = time.monotonic() - start
    with our_rasa(output) as address:
        answers, times = parse(address, [item.text for item in items])
    figures = [figure for figure in nlu.figures(items, answers) if figure.name.removeprefix("nlu.") in _SHOWN]
    return [
        *figures,
        Number("training_seconds", seconds),
        Number("parse_ms_median", quantile(times, 0.5)),
        Number("model_mb", sum(path.stat().st_size for path in output.glob("*.tar.gz")) / 1e6),
    ]


def write_sample(source: Path, target: Path, share: float) -> int:
    """A share of the lines of every label, in the format they were in; gives how many lines."""
    labels: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for path in sorted((source / "nlu").rglob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            facts = block.get("metadata") or {}
            label = (block["intent"], str(facts.get("category") or ""), str(facts.get("hand")))
            labels[label] += [line for line in block["examples"].splitlines() if line.strip()]
    rng, blocks, written = random.Random(_SEED), [], 0
    for (intent, category, hand), lines in sorted(labels.items()):
        drawn = rng.sample(lines, max(1, round(share * len(lines))))
        facts = {"hand": hand, **({"category": category} if category else {})}
        blocks.append({"intent": intent, "metadata": facts, "examples": "\n".join(drawn) + "\n"})
        written += len(drawn)
    target.mkdir(parents=True)
    text = yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True, sort_keys=False)
    (target / "nlu.yml").write_text(text, encoding="utf-8")
    return written


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pipelines", description=__doc__)
    parser.add_argument("--share", type=float, default=0.15, help="of the lines of every label")
    parser.add_argument("--only", choices=_PIPELINES, nargs="*")
    parser.add_argument("--test", type=Path, default=Path("tests/evaluation/nlu.jsonl"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
