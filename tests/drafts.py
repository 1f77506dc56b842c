"""A draft in a test's hands: the reader over the real places, messages as they are understood, a full draft."""

from actions.draft import Draft
from actions.place import Location, Placer
from actions.reader import Reader
from actions.said import Said
from cases.categories import load_categories
from cases.gazetteer import load_gazetteer

GAZETTEER = load_gazetteer()
UNITS = {unit.ref.id: unit.ref for unit in GAZETTEER.units()}
LABELS = {code: found.label for code, found in load_categories().items()}
READER = Reader(Placer(GAZETTEER, UNITS), LABELS)
KIM_LIEN = "2025:00229"
DONG_DA = "legacy:006"


def said(text: str = "", intent: str = "report", confidence: float = 0.9, **more: object) -> Said:
    values: dict[str, object] = {
        "text": text,
        "intent": intent,
        "confidence": confidence,
        "category": "waste",
        "category_confidence": 0.8,
        "categories": ("waste", "pollution", "drainage"),
        "entities": {},
        "turn_id": 1,
        "conversation_id": 1,
        "tapped": False,
        "stale": False,
        "interrupted": False,
        "sticker": False,
        "resolved": False,
        "resumed": False,
        "fresh": False,
        "missed": 0,
        "matters": (),
        "announces": False,
        "runner_up": ("", 0.0),
        "media": 0,
        "pin": None,
    }
    return Said(**{**values, **more})  # type: ignore[arg-type]


def tap(**entities: str) -> Said:
    return said(intent="inform", entities=entities, tapped=True)


COMPLETE = Draft("Rác chất đống", Location("Ngõ 12", KIM_LIEN, DONG_DA, settled=True), "waste")
