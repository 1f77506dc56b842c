"""What every change of a case begins and ends with: the version, and its place in the queue; called by cases.*."""

import re
from datetime import datetime

from cases.codes import fold
from cases.model import Case
from cases.workflow import OPEN, Status

# Words of the index that say where a case is and whether it is open: a search looks only where its officer may.
OPEN_MARK, CLOSED_MARK = "zzopen", "zzclosed"
NEEDS_US, RESTS, CLOSED = 0, 1, 2


class StaleCaseError(Exception):
    """Somebody changed the case since the page was read. Reload and decide again; nothing was changed."""


class ActionRefusedError(Exception):
    """An officer's action cannot be done as asked; `problem` says why, in the codes of the desk. Nothing changed."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def check(case: Case, version: int | None) -> None:
    """Refuse a decision that was made on an older state of the case; raises StaleCaseError."""
    if version is not None and case.version != version:
        raise StaleCaseError(case.code)


def touch(case: Case) -> None:
    """The case has changed: its next version, its place in the queue, what the search finds it by."""
    case.version += 1
    settle(case)


def settle(case: Case) -> None:
    """Where it stands in a queue (what needs an officer, what rests, what is done) and since or until when."""
    case.queue_class, case.queue_at = _place(case)
    words = words_of(case)
    if case.searchable != words:
        case.searchable = words


def words_of(case: Case) -> str:
    """What the index holds of a case: plain words without accents, its code in every spelling, its marks."""
    bare = case.code.replace("-", "").lower()
    marks = [unit_mark(case.unit_id), CLOSED_MARK if case.status not in OPEN else OPEN_MARK]
    if case.area_id:
        marks.append(area_mark(case.area_id))
    said = plain_words(f"{case.code} {case.description} {case.address}")
    return " ".join([bare, bare.removeprefix("pa"), *said, *marks])


def plain_words(text: str) -> list[str]:
    """Words as the index knows them on both databases: letters and digits only."""
    return re.findall(r"[^\W_]+", fold(text))


def unit_mark(unit_id: str) -> str:
    """The word by which the search finds cases of this unit."""
    return f"zzu{unit_id.replace(':', '')}"


def area_mark(unit_id: str) -> str:
    """The word by which the search finds cases on the ground of this old district."""
    return f"zza{unit_id.replace(':', '')}"


def _place(case: Case) -> tuple[int, datetime]:
    """Late ones, those whose citizen spoke last and those due soon come by one clock: since when they need us."""
    if case.status not in OPEN:
        return CLOSED, case.resolved_at or case.opened_at
    if case.status == Status.WAITING_CITIZEN:
        return RESTS, case.due_at
    return NEEDS_US, min(case.due_at, case.spoke_at) if case.spoke_at else case.due_at
