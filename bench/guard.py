"""Keeps a worse model out: `make train` asks it before a new model replaces the old one.

Run by the bot's interpreter (Python 3.10): `python -m bench.guard DATA MODEL OLD NEW` loads the model, reads DATA
(nlu.jsonl), writes the headline figures to NEW and compares them with OLD when there is such a file. Exits 3 when a
figure is worse by more than one point.
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rasa.core.agent import Agent

from bench import nlu
from bot.server import settle

HEADLINES = {  # higher is better, but for the last two
    "nlu.intent_accuracy": 1,
    "nlu.category_top1": 1,
    "nlu.category_top3": 1,
    "nlu.emergency_recall": 1,
    "nlu.petitions_recall": 1,
    "nlu.petition_false_alarms_reports": -1,
    "nlu.emergency_false_alarms": -1,
}
_MOST_WORSE = 0.01
WORSE = 3


def main(arguments: Sequence[str]) -> int:
    """See the module."""
    data, model, old, new = map(Path, arguments)
    settle()
    figures = measure(model, data)
    new.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    before = json.loads(old.read_text(encoding="utf-8")) if old.exists() else {}
    worse = worsened(before, figures)
    for name, was, value in worse:
        print(f"worse: {name} was {was:.1%}, now {value:.1%}")
    return WORSE if worse else 0


def measure(model: Path, data: Path) -> dict[str, float]:
    """The headline figures of a model on a file of messages."""
    items = nlu.read_items(data)
    agent = Agent.load(str(model))

    async def parsed() -> list[nlu.Understood]:
        return [nlu.understood(await agent.parse_message(item.text)) for item in items]

    return {f.name: f.value for f in nlu.figures(items, asyncio.run(parsed())) if f.name in HEADLINES}


def worsened(before: Mapping[str, float], now: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """The headline figures worse by more than one point: name, value before, value now."""
    return [
        (name, before[name], now[name])
        for name, sign in HEADLINES.items()
        if name in before and sign * (now[name] - before[name]) < -_MOST_WORSE
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
