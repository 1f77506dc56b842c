"""Trains the bot: `python -m bot.train` reads domain.yml, config.yml and data/, writes var/models/tiepdan.tar.gz.

It imports nothing heavy, so that asking whether anything changed takes no time; `bot.training` does the work. With
`--guard COMMAND` a new model is first judged by that command, which gets the model, the last one's figures and where
to write its own; its exit code 3 refuses a worse model, unless `--accept-worse` says that this is meant.
"""

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Optional, Sequence, Text

MODEL = "tiepdan"
WORSE = 3
FIGURES = "figures.json"  # of the model beside it, on the evaluation set
# What a model is made of besides its data: a change in these modules needs a new one.
UNDERSTANDING = (
    "augment",
    "category",
    "entities",
    "features",
    "intent",
    "keystrokes",
    "labelled",
    "lexicon",
    "linear",
    "normalise",
    "syllables",
    "teencode",
    "tokenizer",
)


def main(arguments: Optional[Sequence[Text]] = None) -> int:
    """Trains from scratch; the new model replaces the old one only when it is complete."""
    options = _options(arguments)
    output = Path(options.output)
    model, mark = output / f"{MODEL}.tar.gz", output / f"{MODEL}.sha256"
    sources = fingerprint([options.domain, options.config, *options.data])
    if options.if_changed and model.exists() and mark.exists() and mark.read_text() == sources:
        return 0
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".training-") as folder:
        code = _train(options, Path(folder)) or _guard(options, Path(folder), output / FIGURES)
        if code == 0:
            os.replace(Path(folder) / f"{MODEL}.tar.gz", model)
            if options.guard:
                os.replace(Path(folder) / FIGURES, output / FIGURES)
            mark.write_text(sources)
    return code


def fingerprint(paths: Sequence[Text]) -> Text:
    """A digest of the given files and folders and of the modules a model is made of."""
    digest = hashlib.sha256()
    modules = [Path(__file__).with_name(f"{name}.py") for name in UNDERSTANDING]
    for path in [*_files(paths), *modules]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(paths: Sequence[Text]) -> List[Path]:
    found = []
    for path in map(Path, paths):
        found += sorted(path.rglob("*.yml")) if path.is_dir() else [path]
    return found


def _train(options: argparse.Namespace, folder: Path) -> int:
    """The exit code of the training; what it printed is shown only when it failed."""
    quiet = {"PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    # Rasa's cache notices a changed component but not the modules it calls, and would keep weights of older features.
    uncached = {"RASA_MAX_CACHE_SIZE": "0", "RASA_CACHE_DIRECTORY": str(folder / "cache")}
    done = subprocess.run(  # noqa: S603 - ourselves, with paths of whoever started us
        [sys.executable, "-m", "bot.training", options.domain, options.config, str(folder), MODEL, *options.data],
        env={**os.environ, **quiet, **uncached},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.buffer.write(done.stdout)
    return done.returncode


def _guard(options: argparse.Namespace, folder: Path, last: Path) -> int:
    """0 when the new model may replace the last one, 3 when it is worse; other codes when it could not be told."""
    if not options.guard:
        return 0
    command = shlex.split(options.guard)
    env = {**os.environ, "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(  # noqa: S603 - the command of whoever started us
        [*command, str(folder / f"{MODEL}.tar.gz"), str(last), str(folder / FIGURES)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    sys.stderr.buffer.write(done.stdout if done.returncode in (0, WORSE) else done.stderr)
    if done.returncode == WORSE and options.accept_worse:
        return 0
    if done.returncode == WORSE:
        sys.stderr.write("The last model stays. To take the new one all the same: make train ACCEPT_WORSE=1\n")
    return done.returncode


def _options(arguments: Optional[Sequence[Text]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.train", description=__doc__)
    parser.add_argument("--domain", default="domain.yml")
    parser.add_argument("--config", default="config.yml")
    parser.add_argument("--data", nargs="+", default=["data"])
    parser.add_argument("--output", default="var/models", help="folder for the model")
    parser.add_argument("--if-changed", action="store_true", help="do nothing when the model is of the same sources")
    parser.add_argument("--guard", help="a command that judges the new model: MODEL LAST_FIGURES NEW_FIGURES")
    parser.add_argument("--accept-worse", action="store_true", help="replace the last model even so")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
