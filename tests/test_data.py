"""The training data keeps its promises: enough of every label, by several hands, nothing twice, no evaluation line."""

from collections import Counter, defaultdict
from pathlib import Path

import yaml

from bench import duplicates, nlu
from bot.normalise import fold_plain, nfc, words_of

ROOT = Path(__file__).parent.parent
LINES = duplicates.read(ROOT / "data/nlu")
DOMAIN = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
CATEGORIES = set(yaml.safe_load((ROOT / "cases/catalogue/categories.yml").read_text(encoding="utf-8"))["categories"])
EVALUATED = [
    item.text for path in sorted((ROOT / "tests/evaluation").glob("nlu*.jsonl")) for item in nlu.read_items(path)
]
FEWEST = {"category": 500, "intent": 140}  # after near-duplicates went
FEWEST_HANDS = 3
LONG_ENOUGH = 5  # words; shorter ones ("dạ đúng rồi") everybody writes


def test_every_label_has_enough_lines_by_several_hands() -> None:
    count = Counter(line.label for line in LINES)
    hands = defaultdict(set)
    for line in LINES:
        hands[line.label].add(line.hand)
    openings = ("report", "")
    few = {
        label: n for label, n in count.items() if label != openings and n < FEWEST["category" if label[1] else "intent"]
    }
    assert few == {}
    assert {label: found for label, found in hands.items() if label != openings and len(found) < FEWEST_HANDS} == {}
    assert {label[1] for label in count if label[0] == "report"} == CATEGORIES | {""}
    assert {label[0] for label in count} == set(DOMAIN["intents"])


def test_every_line_names_its_hand_and_is_written_in_nfc() -> None:
    assert [line.text for line in LINES if not line.hand or nfc(line.text) != line.text] == []


def test_nothing_is_there_twice() -> None:
    assert [line.text for line in duplicates.duplicates(LINES)] == []


def test_what_is_evaluated_was_not_learnt() -> None:
    learnt = {fold_plain(line.text) for line in LINES}
    both = [text for text in EVALUATED if len(words_of(text)) > LONG_ENOUGH and fold_plain(text) in learnt]
    assert both == []


def test_the_lexicon_covers_every_category_and_topic() -> None:
    terms = {}
    for path in sorted((ROOT / "data/lexicon").glob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        label = content.pop("label")
        assert label == path.stem
        terms[label] = [term for listed in content.values() for term in listed]
    topics = {intent for intent in DOMAIN["intents"] if intent.startswith("faq_")}
    assert CATEGORIES | topics | {"emergency", "denounce", "complain_decision"} <= set(terms)
    assert {label: len(listed) for label, listed in terms.items() if len(listed) < 50} == {}
