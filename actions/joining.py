"""Before a report is filed: is it the matter of an open case, the citizen's own or one to join? Called by report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from actions.answer import Answer
from actions.context import Context
from actions.draft import Draft
from actions.followed import followed_values, photos_go_to
from actions.place import Location
from actions.said import Said
from actions.wishes import ANOTHER
from cases import followers, similar
from cases.categories import label
from cases.codes import fold
from cases.likeness import Report, street_in
from cases.model import Case
from cases.service import add_information
from core.db import ROW_LOCK, reading, transaction

LIKELY = 2  # of the categories a description may belong to, the best so many are compared


@dataclass(frozen=True)
class Offer:
    """An open case like the draft, as far as a stranger may know of it: its kind, the street, how old it is."""

    code: str
    words: str


class Joining:
    """Looks for the same matter among open cases, joins one, adds to the citizen's own."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def offer(self, said: Said, draft: Draft) -> Offer | None:
        """The case to show beside the summary. The street is in the words of the one who reads it."""
        categories, now = self._context.rulebook.categories, self._context.clock()
        location = draft.location or Location()
        street = street_in(location.address) or self._context.placer.name(location.unit_id)
        with reading(self._context.database) as session:
            found = similar.joinable(session, categories, self._matter(said, draft), now)
            if found is None:
                return None
            chat = self._context.rulebook.words.chat
            values = {"category": label(categories, found.category), "street": street}
            return Offer(found.code, chat["alike"].format(**values, age=rough_age(chat, found.opened_at, now)))

    def join(self, said: Said, draft: Draft) -> Answer | None:
        """Follow the case that was offered; None when it has ended or may not be joined any more."""
        with transaction(self._context.database) as session:
            case = session.scalars(select(Case).where(Case.code == draft.offered).with_for_update(**ROW_LOCK)).first()
            if case is None:
                return None
            known = said.conversation_id in followers.followers_of(session, case)
            if not known and not similar.may_be_joined(session, self._context.rulebook.categories, case):
                return None
            words = draft.description or ""
            now = self._context.clock()
            followers.join(session, case, said.conversation_id, said.turn_id, now, words, draft.began)
            return Answer("utter_joined", followed_values(self._context, case), pending=photos_go_to(case))

    def add_to_own(self, said: Said, draft: Draft) -> str | None:
        """The code of the citizen's own open case that is this very matter, with what was told now added to it.

        None when in doubt: it is filed. Several matters of one message, a wish for no name, words of another place
        are doubts.
        """
        if draft.later or draft.ordinal or draft.anonymous or ANOTHER.search(fold(draft.description or "")):
            return None
        with transaction(self._context.database) as session:
            filed_now = f"turn:{draft.began or said.turn_id}:"
            case = similar.own_same(session, self._matter(said, draft), self._context.clock(), filed_now)
            if case is None:
                return None
            rulebook, now = self._context.in_force.at(session), self._context.clock()
            add_information(session, rulebook, case, said.turn_id, now, draft.description or "")
            return case.code

    def _matter(self, said: Said, draft: Draft) -> similar.Matter:
        location = draft.location or Location()
        return similar.Matter(
            conversation_id=said.conversation_id,
            category=draft.category or "other",
            report=Report(draft.description or "", location.address, location.lat, location.lon),
            ward_id=location.ward_id,
            area_id=location.area_id or self._context.parents.get(location.ward_id or ""),
            likely=tuple(code for code in draft.likely[:LIKELY] if code in self._context.rulebook.categories),
        )


def rough_age(chat: Mapping[str, str], since: datetime, now: datetime) -> str:
    """How long ago, no finer than it needs to be."""
    passed = now - since
    if passed < timedelta(hours=1):
        return chat["age_minutes"]
    if passed < timedelta(days=1):
        return chat["age_hours"].format(count=passed // timedelta(hours=1))
    if passed < timedelta(days=14):
        return chat["age_days"].format(count=passed // timedelta(days=1))
    return chat["age_weeks"].format(count=passed // timedelta(days=7))
