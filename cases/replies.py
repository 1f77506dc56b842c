"""Whether a text says what a citizen needs to know, before it is sent; called by the desk while and after typing.

It warns and never forbids, except for a template's blank left open. What is missing is named by a code; the desk has
the sentence for each.
"""

import hashlib
import re
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.casework_model import ClosingText
from cases.codes import fold
from cases.model import Case
from cases.steps import plain_words

BLANK = re.compile(r"\[[^\[\]\n]{2,60}\]")
# Folded words: officers type with and without accents.
_DONE = re.compile(
    r"\b(da|vua|xong|hoan thanh)\b.{0,25}\b(\w+)"
    r"|\b(lap bien ban|xu phat|nhac nho|thu gom|sua chua|thay the|khac phuc)\b"
)
_WHEN = re.compile(
    r"\b\d{1,2} ?(gio|h|g)\b|\b\d{1,2}[:h]\d{2}\b|\b\d{1,2}[/.\-]\d{1,2}\b|\bngay \d"
    r"|\b(sang|trua|chieu|toi|dem) (nay|qua)\b"
    r"|\b(hom nay|hom qua|tuan nay|vua xong)\b"
)
_WHO = re.compile(
    r"\b(doi|to|cong ty|nha thau|don vi|phuong|xa|ubnd|uy ban|can bo|cong an|phong|ban|trung tam|dien luc|so|bo phan"
    r"|chung toi|toi|anh|chi|ong|ba)\b"
)
_NEXT = re.compile(
    r"\b(neu|se|tiep tuc|theo doi|lien he|nhan lai|bao lai|goi lai|lich|hen|buoc tiep"
    r"|tiep theo|lan sau|dinh ky|kiem tra lai)\b"
)
SHORTEST = 40  # characters that can hold what, where and when


def blanks(text: str) -> list[str]:
    """Blanks of a template that nobody has filled in."""
    return BLANK.findall(text)


def missing(text: str) -> list[str]:
    """Which of: what was done, when, by whom, what comes next, anything concrete - the text does not say."""
    folded = fold(text)
    found = [
        code
        for code, pattern in (("no_what", _DONE), ("no_when", _WHEN), ("no_who", _WHO), ("no_next", _NEXT))
        if not pattern.search(folded)
    ]
    return [*found, "too_short"] if len(text) < SHORTEST else found


def print_of(text: str) -> str:
    """The same for the same words: accents, case, spacing and marks do not make a text another one."""
    return hashlib.sha256(" ".join(plain_words(text)).encode()).hexdigest()


def is_copied(session: Session, case: Case, text: str) -> bool:
    """Whether another case was closed with these very words."""
    same = select(ClosingText.id).where(ClosingText.print == print_of(text), ClosingText.case_id != case.id)
    return session.scalars(same.limit(1)).first() is not None


def remember(session: Session, case: Case, text: str) -> None:
    """Keep the print of a closing text, so that a copy of it is noticed later."""
    session.add(ClosingText(case_id=case.id, print=print_of(text)))


def doubts_about(session: Session, case: Case, text: str) -> Sequence[str]:
    """Everything odd about a closing text, by code."""
    found = missing(text)
    return [*found, "copied"] if is_copied(session, case, text) else found
