"""Figures of nlu.jsonl: what the model says of each message against its labels; called by `bench.evaluate`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figure, Number, Share, read_lines, share

GATED = frozenset({"denounce", "complain_decision"})
MOST_CONFUSIONS = 20


@dataclass(frozen=True)
class Item:
    """One message with every label that is right; `categories` only for reports that have one."""

    text: str
    intents: frozenset[str]
    categories: frozenset[str]
    styles: tuple[str, ...]


@dataclass(frozen=True)
class Understood:
    """What the model made of a message: its intent and the categories, likeliest first."""

    intent: str
    categories: tuple[str, ...]


def read_items(path: Path) -> list[Item]:
    """The messages of a file; raises ValueError naming the line that is not as `evaluation.md` says."""
    return read_lines(path, _item)


def understood(parsed: dict[str, Any]) -> Understood:
    """An answer of Rasa's /model/parse; `nlu_fallback` is put aside, for the intent below it is what was understood."""
    ranking = [found["name"] for found in parsed.get("intent_ranking") or [parsed["intent"]]]
    intents = [name for name in ranking if name != "nlu_fallback"] or ["none"]
    return Understood(intents[0] or "none", tuple(c["name"] for c in parsed.get("category_ranking") or []))


def figures(items: Sequence[Item], answers: Sequence[Understood]) -> list[Figure]:
    """All figures of the file, in the order of `evaluation.md`."""
    pairs = list(zip(items, answers, strict=True))
    reports = [(item, answer) for item, answer in pairs if item.categories]
    return [
        share("nlu.intent_accuracy", (answer.intent in item.intents for item, answer in pairs)),
        Number("nlu.intent_macro_f1", _macro_f1(pairs)),
        *_by_style(pairs),
        share("nlu.category_top1", (not item.categories.isdisjoint(answer.categories[:1]) for item, answer in reports)),
        share("nlu.category_top3", (not item.categories.isdisjoint(answer.categories[:3]) for item, answer in reports)),
        *(_recall(intent, {intent}, pairs) for intent in ("emergency", "denounce", "complain_decision")),
        _recall("petitions", GATED, pairs),
        _false_alarms("nlu.petition_false_alarms", GATED, pairs),
        _false_alarms("nlu.petition_false_alarms_reports", GATED, [p for p in pairs if "report" in p[0].intents]),
        _false_alarms("nlu.emergency_false_alarms", {"emergency"}, pairs),
    ]


def confusions(items: Sequence[Item], answers: Sequence[Understood]) -> list[tuple[str, str, int]]:
    """The worst confusions: right label, label given, how often."""
    counted: Counter[tuple[str, str]] = Counter()
    for item, answer in zip(items, answers, strict=True):
        if answer.intent not in item.intents:
            counted[min(item.intents), answer.intent] += 1
        elif item.categories and answer.categories and answer.categories[0] not in item.categories:
            counted[f"report/{min(item.categories)}", f"report/{answer.categories[0]}"] += 1
    return [(right, given, n) for (right, given), n in counted.most_common(MOST_CONFUSIONS)]


def _item(written: dict[str, Any]) -> Item:
    text = written["text"]
    if not isinstance(text, str):
        raise TypeError("text is no string")
    return Item(text, _set(written["intent"]), _set(written.get("category")), tuple(written.get("style") or ()))


def _set(labels: str | Iterable[str] | None) -> frozenset[str]:
    return frozenset([labels] if isinstance(labels, str) else labels or ())


def _by_style(pairs: Sequence[tuple[Item, Understood]]) -> list[Share]:
    styles = sorted({style for item, _ in pairs for style in item.styles})
    return [
        share(f"nlu.intent_accuracy.{style}", (a.intent in i.intents for i, a in pairs if style in i.styles))
        for style in styles
    ]


def _recall(name: str, intents: Iterable[str], pairs: Sequence[tuple[Item, Understood]]) -> Share:
    """Messages whose only labels are among these intents: how many were given one of them."""
    wanted = frozenset(intents)
    return share(f"nlu.{name}_recall", (a.intent in wanted for i, a in pairs if i.intents <= wanted))


def _false_alarms(name: str, intents: Iterable[str], pairs: Sequence[tuple[Item, Understood]]) -> Share:
    """Messages with none of these intents among their labels: how many were given one all the same."""
    wanted = frozenset(intents)
    return share(name, (a.intent in wanted for i, a in pairs if i.intents.isdisjoint(wanted)))


def _macro_f1(pairs: Sequence[tuple[Item, Understood]]) -> float:
    """The mean F1 over the labels of the file; a message with several counts for the one given when it is right."""
    right: Counter[str] = Counter()
    given: defaultdict[str, int] = defaultdict(int)
    wanted: defaultdict[str, int] = defaultdict(int)
    for item, answer in pairs:
        label = answer.intent if answer.intent in item.intents else min(item.intents)
        wanted[label] += 1
        given[answer.intent] += 1
        right[label] += label == answer.intent
    scores = [2 * right[label] / (wanted[label] + given[label]) for label in wanted]
    return sum(scores) / len(scores) if scores else 0.0
