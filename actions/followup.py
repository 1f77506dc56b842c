"""What a citizen does about cases already filed: ask where they stand, add to one, say that it is not solved."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from actions.answer import Answer
from actions.context import Context
from actions.followed import (
    followed_one,
    followed_status,
    followed_values,
    note_dispute,
    note_words,
    photos_go_to,
    told_of,
)
from actions.own_cases import changed_by, list_of, no_case, values_of
from actions.said import Said
from actions.wording import content_words
from cases.codes import find_code
from cases.followers import followed_by
from cases.links import own_case, own_cases
from cases.model import Case
from cases.queries import NotFoundError, case_of_citizen
from cases.service import add_information, reopen
from cases.workflow import OPEN, Status
from core.db import ROW_LOCK, reading, transaction

TOLD_WORDS = 6  # a "not done" of this many words says already what is wrong


def code_of(said: Said) -> str | None:
    return said.entities.get("case_code") or find_code(said.text)


def tell_status(context: Context, said: Said) -> Answer:
    """Status by code for its own citizen only, or the list of own cases when no code was said."""
    code = code_of(said)
    with reading(context.database) as session:
        if code:
            named = _seen(session, said, code)
            if named is not None:
                return Answer("utter_case_status", values_of(context, session, named))
            return followed_status(context, session, said, code) or no_case(context, session, said, code)
        own, followed = own_cases(session, said.conversation_id), followed_by(session, said.conversation_id)
        if not own and not followed:
            return no_case(context, session, said, code)
        if len(own) + len(followed) > 1:
            return list_of(context, own, followed)
        if own:
            return Answer("utter_case_status", values_of(context, session, own[0]))
        return told_of(context, session, said, followed[0])


def _seen(session: Session, said: Said, code: str) -> Case | None:
    """A case of this citizen by code; None for somebody else's and for none at all alike."""
    try:
        return case_of_citizen(session, said.conversation_id, code)
    except NotFoundError:
        return None


def add_to_case(context: Context, said: Said, code: str | None = None) -> Answer:
    """Put this turn's words and photos on the named or newest open case of the citizen."""
    code = code or code_of(said)
    with transaction(context.database) as session:
        case = changed_by(session, said) or _chosen(session, said, code, _is_open)
        if case is None:
            return note_words(context, session, said, code) or _none_to_add_to(context, session, said, code)
        add_information(session, context.in_force.at(session), case, said.turn_id, context.clock())
        return Answer("utter_info_added", values_of(context, session, case), pending=photos_go_to(case))


def ask_what_to_add(context: Context, said: Said, code: str | None) -> Answer | None:
    """The wish to add something without what: the next message or photo is taken. None without any case."""
    with reading(context.database) as session:
        case = _newest(session, said, code, _is_open)
        if case is not None:
            pending = {"what": "add", "code": case.code}
            return Answer("utter_ask_what_to_add", values_of(context, session, case), pending=pending)
        followed = followed_one(session, said, code)
        if followed is not None:
            pending = {"what": "add", "code": followed.code}
            return Answer("utter_ask_what_to_add_followed", followed_values(context, followed), pending=pending)
        own = code is not None or own_cases(session, said.conversation_id)
        return _none_to_add_to(context, session, said, code) if own else None


def dispute(context: Context, said: Said, code: str | None = None) -> Answer:
    """The matter is not solved: a resolved case is reopened, an open one gets the citizen's words.

    Of a case that they only follow it is noted: whoever filed it opens it again.
    """
    code = code or code_of(said)
    with transaction(context.database) as session:
        case = changed_by(session, said) or _chosen(session, said, code, lambda case: case.status == Status.RESOLVED)
        followed = None if case else followed_one(session, said, code, resolved=True)
        case = case or (None if followed else _chosen(session, said, code, _is_open))
        if case is None:
            followed = followed or followed_one(session, said, code)
            noted = note_dispute(context, session, said, followed) if followed else None
            return noted or _none_to_add_to(context, session, said, code)
        # A repeat of the turn that reopened it: the same answer again.
        repeated = any(event.data.get("turn") == said.turn_id for event in case.events if event.kind == "reopened")
        if not repeated and case.status != Status.RESOLVED:
            add_information(session, context.in_force.at(session), case, said.turn_id, context.clock())
            return Answer("utter_not_resolved_yet", values_of(context, session, case))
        if not repeated:
            reason = said.text or context.rulebook.words.notices["tapped_not_done"]
            reopen(session, context.in_force.at(session), case, None, reason, context.clock(), turn_id=said.turn_id)
        return _reopened(context, session, said, case)


def _reopened(context: Context, session: Session, said: Said, case: Case) -> Answer:
    told = said.media > 0 or content_words(said.text) >= TOLD_WORDS
    pending = {"what": "add", "code": case.code, "heard": told}
    question = None if told else "utter_ask_what_is_wrong"
    return Answer("utter_reopened", values_of(context, session, case), question=question, pending=pending)


def _none_to_add_to(context: Context, session: Session, said: Said, code: str | None) -> Answer:
    named = own_case(session, said.conversation_id, code) if code else None
    if named is not None:
        return Answer("utter_none_open", values_of(context, session, named))
    return no_case(context, session, said, code)


def _is_open(case: Case) -> bool:
    return Status(case.status) in OPEN


def _newest(session: Session, said: Said, code: str | None, fits: Callable[[Case], bool]) -> Case | None:
    """The case named, else the one that was closed or filed last."""
    own = [case for case in own_cases(session, said.conversation_id) if fits(case) and code in (None, case.code)]
    return max(own, key=lambda case: (case.resolved_at or case.opened_at, case.id), default=None)


def _chosen(session: Session, said: Said, code: str | None, fits: Callable[[Case], bool]) -> Case | None:
    found = _newest(session, said, code, fits)
    if found is None:
        return None
    # Seen without a lock; an officer may be at it: look again under the lock.
    session.refresh(found, with_for_update={**ROW_LOCK, "of": Case})
    return found if fits(found) else None
