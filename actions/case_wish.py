"""Reads one turn that may be about a case already filed, in the light of what was asked about one: pure decisions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from actions import case_words
from actions.opening import SURE_DANGER
from actions.said import Said
from actions.wishes import REFUSES
from actions.wording import QUESTION
from cases.codes import find_code, fold
from cases.spoken import heard

SURE = 0.50  # of an intent that has an answer of its own
FEW_WORDS = 8  # an aside rather than what was asked for
GOES_FIRST = frozenset({"emergency", "denounce", "complain_decision"})
FOLLOWED_UP = frozenset({"track_case", "add_info", "dispute_result"})  # by rules of their own
ASIDES = frozenset(
    "greet thank goodbye help bot_identity ask_human privacy_request track_case praise out_of_scope".split()
)


@dataclass(frozen=True)
class Wish:
    """What the citizen wants with a case; `code` when they named one, `value` are stars or a secret word."""

    what: str
    code: str | None = None
    value: str = ""


def read_wish(said: Said, pending: Mapping[str, Any], *, told: bool, placed: Callable[[str], bool]) -> Wish | None:
    """None when the turn is for somebody else to answer.

    `pending` is what was asked about a case (slot "pending"), `told` says that a report was told and is not filed yet,
    `placed` whether words name a place: a new matter elsewhere is no word about the old one.
    """
    if said.tapped:
        about = said.entities.get("about")
        return Wish(about, said.entities.get("case_code"), said.entities.get("stars", "")) if about else None
    plain = heard(said.text)
    if said.stale or _goes_first(said, plain) or REFUSES.search(fold(said.text)):
        return None
    if not said.text:
        return Wish("more", pending["code"]) if pending.get("what") == "add" and said.media else None
    turn = _Turn(said, pending, told, plain, placed)
    readers = (_secret, _answer, _leaving, _withdrawal, _stars, _result, _addition, _own)
    return next((wish for wish in (reader(turn) for reader in readers) if wish is not None), None)


def _goes_first(said: Said, plain: str) -> bool:
    """Danger and petitions; but after a result a few words that only speak of it are often taken for danger."""
    unsure = said.intent == "emergency" and said.confidence < SURE_DANGER
    if said.intent not in GOES_FIRST or said.confidence < SURE or unsure or case_words.asks_for_own(plain):
        return False
    if said.intent != "emergency" or not said.resolved or case_words.speaks_of_danger(plain):
        return True
    rates = case_words.stars_in(plain, asked=False) is not None
    not_done = case_words.says_not_done(plain) and len(plain.split()) < FEW_WORDS
    return not (rates or not_done or case_words.says_done(plain))


@dataclass(frozen=True)
class _Turn:
    said: Said
    pending: Mapping[str, Any]
    told: bool
    plain: str
    placed: Callable[[str], bool]

    @property
    def code(self) -> str | None:
        return self.said.entities.get("case_code") or find_code(self.said.text)

    @property
    def about(self) -> str | None:
        """The case named in the words, else the one the question was about."""
        return self.code or self.pending.get("code")

    def asked(self, what: str) -> bool:
        """Whether this is the open question, and nobody else spoke since."""
        return self.pending.get("what") == what and not self.said.interrupted

    @property
    def is_question(self) -> bool:
        """Asked about rules and procedures, by the classifier and by the words."""
        sure = self.said.intent.startswith("faq_") and self.said.confidence >= SURE
        return sure and QUESTION.search(self.plain) is not None

    @property
    def elsewhere(self) -> bool:
        """A place is named: a matter of its own rather than a word about the old one."""
        return case_words.names_place(self.plain) and self.placed(self.said.text)

    @property
    def is_aside(self) -> bool:
        known = self.said.intent in ASIDES or self.said.intent.startswith("faq_")
        return known and self.said.confidence >= SURE and len(self.plain.split()) < FEW_WORDS


def _secret(turn: _Turn) -> Wish | None:
    asked = turn.asked("secret")
    word = case_words.secret_in(turn.said.text)
    if case_words.lost_the_secret(turn.plain):
        return Wish("secret_lost", turn.about)
    if word is not None:
        return Wish("secret", turn.about if asked else turn.code, word)
    if not asked or turn.code or turn.is_aside or turn.said.says_yes or turn.said.says_no or turn.said.says_stop:
        return None
    return Wish("secret", turn.about, turn.said.text) if case_words.may_be_secret(turn.said.text) else None


def _answer(turn: _Turn) -> Wish | None:
    """A word to the question whether the case shall be taken back, or what is to be added."""
    if turn.asked("withdraw"):
        if turn.said.says_no or case_words.keeps(turn.plain):
            return Wish("keep", turn.about)
        if turn.said.says_yes or case_words.wants_withdrawal(turn.plain, coded=True) or "rut" in turn.plain.split():
            return Wish("withdraw", turn.about)
    if turn.asked("leave"):
        if case_words.stays(turn.plain):
            return Wish("stay", turn.about)
        if turn.said.says_yes or case_words.leaves(turn.plain, asked=True):
            return Wish("leave", turn.about)
        if turn.said.says_no:
            return Wish("stay", turn.about)
    if turn.asked("add") and not turn.pending.get("heard"):
        if case_words.has_nothing_more(turn.plain):
            return Wish("nothing_more", turn.about)
        return None if turn.is_aside else Wish("more", turn.about)
    return None


def _leaving(turn: _Turn) -> Wish | None:
    """A case that they only follow, or so they call it."""
    if turn.code is None and (turn.is_question or turn.told or turn.said.media or turn.elsewhere):
        return None
    return Wish("ask_leave", turn.code) if case_words.leaves(turn.plain) else None


def _withdrawal(turn: _Turn) -> Wish | None:
    other = turn.is_question or turn.told or turn.said.intent == "privacy_request"
    if turn.code is None and (other or turn.said.media or turn.elsewhere):
        return None
    wanted = case_words.wants_withdrawal(turn.plain, coded=turn.code is not None)
    return Wish("ask_withdraw", turn.code) if wanted else None


def _stars(turn: _Turn) -> Wish | None:
    asked = turn.asked("rate")
    if case_words.says_not_done(turn.plain) or not (asked or turn.said.resolved):
        return None
    stars = case_words.stars_in(turn.plain, asked=asked)
    if stars is None or (not asked and turn.elsewhere):
        return None
    return Wish("rate", turn.about if asked else turn.code, stars)


def _result(turn: _Turn) -> Wish | None:
    """Done, or not done, after a result was told or with the code of the case."""
    about_one = turn.code is not None or (turn.said.resolved and not turn.elsewhere)
    if not about_one or turn.is_question:
        return None
    if case_words.says_not_done(turn.plain):
        return Wish("not_done", turn.about if turn.asked("rate") else turn.code)
    done = turn.said.resolved and not turn.said.media and case_words.says_done(turn.plain)
    return Wish("done", turn.code) if done else None


def _addition(turn: _Turn) -> Wish | None:
    said, adds = turn.said, case_words.adds(turn.plain)
    if not (adds or said.intent == "add_info") or (turn.is_question and turn.code is None):
        return None
    if case_words.adds_nothing(turn.plain) and not said.media:
        return Wish("ask_more", turn.code)
    return Wish("add", turn.code) if turn.code or case_words.adds_to_earlier(turn.plain) else None


def _own(turn: _Turn) -> Wish | None:
    """The list of own cases, or the status of the one whose code is about all that was said."""
    if turn.code is None:
        return Wish("own") if case_words.asks_for_own(turn.plain) else None
    brief = len([word for word in turn.plain.split() if word.isalpha()]) < FEW_WORDS
    alone = brief and not turn.said.media and turn.said.intent not in FOLLOWED_UP
    return Wish("own", turn.code) if alone else None
