"""How well the bot does: `make evaluate DATA=dir` reads nlu.jsonl, locations.jsonl and conversations.jsonl from dir.

Prints a table for each file with n and 95 % intervals, then one line "name value" for each figure, and exits 0; 2 when
a file is not as the format says or there is none. `--output` writes the figures as JSON, for `bench.guard`.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import requests
import yaml

from actions.place import Placer
from bench import conversations, locations, nlu
from bench.figures import Figure, Number, line, quantile, row
from bench.player import play_all
from bench.processes import our_rasa
from cases.gazetteer import load_gazetteer

_TIMEOUT = 60  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module."""
    options = _options(arguments)
    found: list[Figure] = []
    try:
        if (options.data / "nlu.jsonl").exists():
            found += evaluate_nlu(options.data / "nlu.jsonl", options.model, options.mistakes)
        if (options.data / "locations.jsonl").exists():
            found += evaluate_locations(options.data / "locations.jsonl", options.mistakes)
        if (options.data / "conversations.jsonl").exists():
            found += evaluate_conversations(options.data / "conversations.jsonl", options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if not found:
        print(f"no nlu.jsonl, locations.jsonl or conversations.jsonl in {options.data}", file=sys.stderr)
        return 2
    print("\n".join(map(line, found)))
    if options.output:
        options.output.write_text(json.dumps({figure.name: figure.value for figure in found}, indent=1) + "\n")
    return 0


def evaluate_nlu(path: Path, model: Path, mistakes: bool) -> list[Figure]:
    """Prints the table of nlu.jsonl and gives its figures; the model is asked over HTTP, as the gateway does."""
    items = nlu.read_items(path)
    with our_rasa(model) as address:
        answers, times = parse(address, [item.text for item in items])
    found = [
        *nlu.figures(items, answers),
        Number("nlu.ms_median", quantile(times, 0.5)),
        Number("nlu.ms_p99", quantile(times, 0.99)),
    ]
    _print(path, found)
    print("worst confusions (right -> given):")
    for right, given, times_seen in nlu.confusions(items, answers):
        print(f"  {times_seen:>4}  {right} -> {given}")
    if mistakes:
        for item, answer in zip(items, answers, strict=True):
            if answer.intent not in item.intents:
                print(f"  {'|'.join(sorted(item.intents))} -> {answer.intent}: {item.text}")
            elif item.categories and answer.categories[0] not in item.categories:
                print(f"  report/{'|'.join(sorted(item.categories))} -> {answer.categories[0]}: {item.text}")
    return found


def evaluate_locations(path: Path, mistakes: bool) -> list[Figure]:
    """Prints the table of locations.jsonl and gives its figures."""
    items = locations.read_items(path)
    gazetteer = load_gazetteer()
    find = locations.finder(Placer(gazetteer, {unit.ref.id: unit.ref for unit in gazetteer.units()}))
    answers = [find(item.text) for item in items]
    found = locations.figures(items, answers)
    _print(path, found)
    if mistakes:
        for item, answer in locations.mistakes(items, answers):
            print(f"  {item.kind} {sorted(item.districts)} {item.ward} -> {answer}: {item.text}")
    return found


def evaluate_conversations(path: Path, options: argparse.Namespace) -> list[Figure]:
    """Prints the table of conversations.jsonl and gives its figures; played with all the real processes."""
    scripts = conversations.read_scripts(path)
    start = time.monotonic()
    played, alone = play_all(scripts, options.model)
    pairs = list(zip(scripts, played, strict=True))
    found = conversations.figures(pairs, alone, fallbacks())
    found.append(Number("conversations.seconds", time.monotonic() - start))
    _print(path, found)
    if options.mistakes:
        print("\n".join(told(*pair) for pair in pairs if conversations.differences(*pair)))
    if options.dialogues:
        options.dialogues.write_text("\n".join(told(*pair) for pair in pairs) + "\n", encoding="utf-8")
    return found


def told(script: conversations.Script, played: conversations.Played) -> str:
    """Which conversation, in what it is not as expected, what only a reader can judge, and all of the dialogue."""
    differs = [f"! {difference}" for difference in conversations.differences(script, played)]
    to_judge = [f"? {line}" for line in script.expected.must_not if line.startswith("act:")]
    lines = [f"{script.id} ({script.persona}; {script.tests})", *differs, *to_judge, *played.dialogue]
    return "\n  " + "\n".join(lines).replace("\n", "\n    ")


def fallbacks() -> list[str]:
    """The sentences by which the bot says that it has not understood."""
    responses = yaml.safe_load(Path("domain.yml").read_text(encoding="utf-8"))["responses"]
    return [said["text"] for name, ways in responses.items() if name.startswith("utter_fallback") for said in ways]


def parse(address: str, texts: Sequence[str]) -> tuple[list[nlu.Understood], list[float]]:
    """What /model/parse says of each text, and the milliseconds each took."""
    answers, times = [], []
    with requests.Session() as session:
        for text in texts:
            start = time.perf_counter()
            answer = session.post(f"{address}/model/parse", json={"text": text}, timeout=_TIMEOUT)
            times.append(1000 * (time.perf_counter() - start))
            answer.raise_for_status()
            answers.append(nlu.understood(answer.json()))
    return answers, times


def _print(path: Path, figures: Sequence[Figure]) -> None:
    print(f"\n{path.name}")
    print("\n".join(map(row, figures)))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.evaluate", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the files")
    parser.add_argument("--model", type=Path, default=Path("var/models"))
    parser.add_argument("--mistakes", action="store_true", help="list what was not right, with its text")
    parser.add_argument("--dialogues", type=Path, help="write all conversations there, for a reader to judge")
    parser.add_argument("--output", type=Path, help="write the figures there, as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
