"""What officers put right, as training examples for people to review; called by `manage.py export-corrections`."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.normalise import nfc
from cases.consents import Purpose, allowing
from cases.masking import mask
from cases.model import Case, CaseEvent

HAND = "officers"
_CAPITAL = "".join(letter for letter in map(chr, range(0x1EFA)) if letter.isupper())  # a range would hold small ones
_PERSON = re.compile(
    rf"(?i:\b(anh|chị|ông|bà|cô|chú|bác|cậu|dì|thím|mợ|cụ|em|cháu|bé|tên|là))(?:\s+[{_CAPITAL}]\w*)+", re.UNICODE
)
_NUMBER = re.compile(r"\d{3,}")
_RASA_MARKS = str.maketrans("[]{}()|", "       ")


@dataclass(frozen=True)
class Correction:
    """A de-identified description and the category an officer gave it."""

    text: str
    category: str


def corrections(session: Session) -> list[Correction]:
    """One for each case whose category was changed, with its last category; demo cases teach nothing.

    Only from citizens who allow it now: handling a case needs no consent, teaching from its words is another purpose,
    and a machine that takes out names misses some (Luật 91/2025 Art. 9: for each purpose, and silence is none).
    """
    changed = select(CaseEvent.case_id).where(CaseEvent.kind == "category_corrected")
    allowed = Case.conversation_id.in_(allowing(Purpose.TRAINING))
    cases = session.scalars(select(Case).where(Case.id.in_(changed), allowed, ~Case.is_demo).order_by(Case.id))
    found = [Correction(without_identity(case.description), case.category) for case in cases]
    return [correction for correction in dict.fromkeys(found) if correction.text]


def without_identity(text: str) -> str:
    """One line without phone, paper and card numbers, without other long numbers and names after a form of address.

    A machine finds most names, not all: whoever adds the lines to the training data reads them first.
    """
    masked = re.sub(r"\[[^\]]*\]", "", mask(nfc(text)).text)
    plain = _NUMBER.sub("", _PERSON.sub(r"\1", masked)).translate(_RASA_MARKS)
    return " ".join(plain.split())


def as_rasa(found: Iterable[Correction]) -> str:
    """The corrections in Rasa's training format, one block per category."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for correction in found:
        lines[correction.category].append(f"- {correction.text}\n")
    blocks = [
        {"intent": "report", "metadata": {"category": category, "hand": HAND}, "examples": "".join(listed)}
        for category, listed in sorted(lines.items())
    ]
    return yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True, sort_keys=False)
