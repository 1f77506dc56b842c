"""Reads one turn into the draft, in the light of what was asked: pure decisions; the context holds it for the form."""

import re
from collections.abc import Mapping
from dataclasses import replace

from actions.corrections import Corrector, without
from actions.draft import Draft, Step
from actions.opening import FEW_WORDS, SURE_CATEGORY, SURE_DANGER, Opener, outside
from actions.place import Location, Placer
from actions.privacy_words import ERASE
from actions.said import Said
from actions.wishes import ANONYMOUS, FILES_OWN, INSTEAD, REFUSES, on_behalf_of, wants_to_join
from actions.wording import ADDRESS_CUE, QUESTION, WRONG, content_words, is_bare_number, joined
from cases.answers import YES
from cases.codes import fold

SURE_LAW = 0.60  # below it we ask whether a petition in the sense of the law is meant
SURE_DETOUR = 0.50
MOST_QUESTIONS = 2  # about one thing; then the draft goes on with what is known
STORY = 9  # words that are no mere address
_SAME_PIN = re.compile(r"\b(?:vi tri|ghim|ban do|dinh vi|vua gui|da gui|cho do)\b")
DETOURS = frozenset(
    "greet thank goodbye help bot_identity ask_human privacy_request track_case emergency abuse out_of_scope "
    "praise".split()
)
PETITIONS = frozenset({"denounce", "complain_decision"})


class Reader:
    """Reads a turn against the question that was open; `asked` is None for the message that opens the form."""

    def __init__(self, placer: Placer, categories: Mapping[str, str]) -> None:
        """`categories` are the labels that people read, by code."""
        self._placer = placer
        self._categories = categories
        self._corrector = Corrector(placer, categories)
        self._opener = Opener(placer)
        self.following = self._opener.following
        self.untold = self._opener.untold
        self.wants_told = self._opener.wants_told

    def read(self, said: Said, asked: str | None, draft: Draft) -> Step:
        draft = self._with_wishes(
            said, replace(draft, media=draft.media + said.media, began=draft.began or said.turn_id)
        )
        if not said.tapped and REFUSES.search(fold(said.text)):
            return Step(Draft(), ("utter_refused",), over=True, forget=True)
        if said.stale:
            return Step(draft, ("utter_stale_button",), over=asked is None)
        if asked is None:
            return self._opener.open(said, draft)
        if asked == "join" and self._joins(said):
            return Step(draft, joins=True)
        met = self._instead(said) or self._interruption(said, asked, draft)
        if met is not None:
            return met
        if "edit" in said.entities:
            return Step(without(said.entities["edit"], draft))
        handlers = {
            "description": self._description,
            "location": self._location,
            "category": self._category,
            "confirm": self._confirm,
            "join": self._join_or_confirm,
        }
        step = handlers[asked](said, draft)
        perhaps = said.intent == "emergency" and said.more_than_yes is None
        return replace(step, say=("utter_emergency_first", *step.say)) if perhaps else step

    def _interruption(self, said: Said, asked: str, draft: Draft) -> Step | None:
        """What is heard at every question, whatever was asked."""
        if said.interrupted and not said.tapped and (said.says_yes or said.says_no):
            return Step(draft)
        confirms = asked in {"confirm", "join"}
        agrees = confirms and (
            said.more_than_yes is not None or said.plain in YES
        )  # "ĐÚNG. NHANH LÊN": no cry for help
        placed = self._says_where(said, asked)
        if said.says_stop and not agrees and not placed and not (asked == "location" and said.says_unknown):
            return Step(Draft(), ("utter_cancelled",), over=True)
        if said.intent in PETITIONS and said.confidence >= SURE_LAW and not placed:
            dropped = ("utter_draft_dropped",) if draft.description else ()
            return Step(Draft(), dropped, detour=said.intent, over=True)
        if said.entities.get("wish") == ERASE:  # the draft as well
            return Step(Draft(), detour="privacy_request", over=True)
        if said.tapped and (said.intent == "dispute_result" or "about" in said.entities):
            return Step(draft, detour=said.intent if said.intent == "dispute_result" else "about_case")
        if said.intent == "emergency" and said.confidence >= SURE_DANGER and not agrees:
            return self._with_words(said, asked, draft, Step(draft, detour="emergency"))
        return None

    def _says_where(self, said: Said, asked: str) -> bool:
        """The place that was asked for, and no more: "bo de" is a ward and gives nothing up."""
        brief = asked == "location" and content_words(said.text) < STORY
        return brief and self._placer.from_words(said.text) is not None

    def _instead(self, said: Said) -> Step | None:
        """One matter is dropped and another told in the same breath."""
        match = None if said.tapped else INSTEAD.match(fold(said.text))
        if match is None:
            return None
        rest = replace(said, text=said.text[-len(match["rest"]) :], intent="report", matters=())
        step = self._opener.open(rest, Draft(began=said.turn_id))
        return replace(step, say=("utter_draft_dropped", *step.say))

    def _with_wishes(self, said: Said, draft: Draft) -> Draft:
        """Whose matter it is and whether the name stays out, whenever it is said."""
        if said.tapped or not said.text:
            return draft
        return replace(
            draft,
            behalf=draft.behalf or on_behalf_of(said.text),
            anonymous=draft.anonymous or bool(ANONYMOUS.search(fold(said.text))),
        )

    def _with_words(self, said: Said, asked: str, draft: Draft, step: Step) -> Step:
        """Danger told while the description was asked is the description as well."""
        if asked != "description":
            return step
        return replace(step, draft=self._opener.described(said, draft))

    def _description(self, said: Said, draft: Draft) -> Step:
        if said.pin or (said.media and not said.text):
            return self._opener.open(said, draft)
        if self._is_detour(said) and content_words(said.text) < 8:
            return Step(draft, detour=said.intent)
        if said.tapped or not said.text:
            return Step(draft)
        described = self._opener.described(said, draft)
        if described.description is None and described.location == draft.location:
            return Step(described, ("utter_description_too_short",), silent=True)
        return outside(Step(described))

    def _location(self, said: Said, draft: Draft) -> Step:
        before = draft.location or Location()
        choice = bool(before.options)  # a choice among wards or areas is put once; the open question twice
        location = replace(before, asked=before.asked + (not choice))
        if said.pin:
            return outside(Step(replace(draft, location=self._opener.pinned(said.pin, location))))
        chosen = (
            said.entities.get("ward") or said.entities.get("area") or self._placer.option_named(location, said.text)
        )
        if chosen:
            return Step(replace(draft, location=self._placer.choose(location, chosen)))
        if said.says_unknown or (location.method == "pin" and _SAME_PIN.search(fold(said.text))):
            return Step(replace(draft, location=self._placer.likeliest(location)))
        if said.media and not said.text:
            return Step(draft, ("utter_media_kept",))
        if self._is_question(said):
            return Step(draft, detour=said.intent)
        if said.says_yes or said.says_no or is_bare_number(said.text):
            return self._no_place(draft, before)
        found = self._placer.from_words(said.text, location) if said.text else None
        if found is not None:
            found = self._settle(found, choice=choice and found.area_id == before.area_id)
            placed = replace(draft, location=found)
            if said.intent == "report" and content_words(said.text) >= STORY:  # the whole story again, or more of it
                placed = replace(placed, description=joined(draft.description, said.text))
            return outside(Step(placed))
        if self._is_detour(said):
            return Step(draft, detour=said.intent)
        return self._unplaced(said, draft, location, choice)

    def _no_place(self, draft: Draft, before: Location) -> Step:
        """A yes, a no or a number that fits nothing is no address: ask once more, then go on with what is known."""
        location = replace(before, asked=before.asked + 1)
        if location.asked >= MOST_QUESTIONS:
            return Step(replace(draft, location=self._placer.likeliest(location)))
        return Step(replace(draft, location=location), ("utter_place_missing",))

    def _unplaced(self, said: Said, draft: Draft, location: Location, choice: bool) -> Step:
        """Words that name no place we know: keep them as the address or as more of the story."""
        story = content_words(said.text) >= 3 and not ADDRESS_CUE.search(fold(said.text))
        if draft.description and (story or (said.intent == "report" and content_words(said.text) >= 6)):
            more = replace(draft, description=joined(draft.description, said.text))
            draft = self._opener.with_category(said, more)
        elif said.text and not said.tapped:
            location = replace(location, address=", ".join(filter(None, (said.text, location.address))))
        return Step(replace(draft, location=self._settle(location, choice)))

    def _settle(self, location: Location, choice: bool) -> Location:
        """Enough was asked: go on with what is known, be it only the area."""
        enough = choice or (location.asked >= MOST_QUESTIONS and not location.options)
        if location.settled or location.outside or not enough:
            return location
        return self._placer.likeliest(location)

    def _category(self, said: Said, draft: Draft) -> Step:
        if said.entities.get("category") in self._categories:
            return Step(replace(draft, category=said.entities["category"]))
        if said.media and not said.text:
            return Step(draft, ("utter_media_kept",))
        if self._is_question(said) or (self._is_detour(said) and content_words(said.text) < 6):
            return Step(draft, detour=said.intent)
        if said.says_unknown:
            return Step(replace(draft, category="other"))
        asked = draft.asked_category + 1
        sure = content_words(said.text) >= 2 and said.category_confidence >= SURE_CATEGORY
        named = self._corrector.category_named(said.text) or (said.category if sure else None)
        last = "other" if asked >= MOST_QUESTIONS else None
        return Step(replace(draft, category=named or last, asked_category=asked))

    def _joins(self, said: Said) -> bool:
        return "join" in said.entities or (not said.tapped and wants_to_join(said.text))

    def _join_or_confirm(self, said: Said, draft: Draft) -> Step:
        """The summary beside an open case like it: "no, send mine" files it, a mere no is a no to joining."""
        own = not said.tapped and FILES_OWN.search(fold(said.text)) is not None
        if own and content_words(said.text) <= FEW_WORDS:
            return Step(replace(draft, confirm=True))
        declines = said.says_no and not said.tapped and not draft.editing and not WRONG.search(said.plain)
        if declines and not self._corrector.says_what(said):
            return Step(replace(draft, offered=None, alone=True))
        return self._confirm(said, draft)

    def _confirm(self, said: Said, draft: Draft) -> Step:
        if said.says_yes:
            return Step(replace(draft, confirm=True))
        if (
            not said.says_no and said.text and (draft.description or "").endswith(f"\n{said.text}")
        ):  # said again: that was the answer
            return Step(replace(draft, confirm=True))
        if said.more_than_yes is not None:
            told = draft.description if content_words(said.more_than_yes) < 3 else joined(draft.description, said.text)
            return Step(replace(draft, description=told, confirm=True))
        if said.says_no and not self._corrector.says_what(said):
            if draft.editing:  # nothing to change after all: the summary again
                return Step(replace(draft, editing=False))
            return Step(replace(draft, editing=True), ("utter_need_edit",), silent=True)
        if said.media or said.pin:
            return self._later_facts(said, draft)
        if "category" in said.entities or said.entities.get("ward"):
            return self._later_facts(said, draft)
        if self._is_question(said) or self._is_detour(said):
            return Step(draft, detour=said.intent)
        return self._later_facts(said, draft)

    def _later_facts(self, said: Said, draft: Draft) -> Step:
        """At the summary anything else is a correction or an addition: a place corrects, words are added."""
        if said.pin:
            fresh = self._placer.from_pin(*said.pin, replace(draft.location or Location(), settled=False))
            located = fresh if fresh.settled else replace(fresh, ward_id=None)
            return outside(Step(replace(draft, location=located)))
        corrected = self._corrector.corrected(said, draft)
        if corrected is not None:
            return outside(Step(corrected))
        if content_words(said.text) >= 3:
            return Step(replace(draft, description=joined(draft.description, said.text)), ("utter_added_to_draft",))
        return Step(draft, ("utter_added_to_draft",) if said.media else ())

    def _is_detour(self, said: Said) -> bool:
        known = said.intent in DETOURS or said.intent.startswith("faq_")
        return known and said.confidence >= SURE_DETOUR

    def _is_question(self, said: Said) -> bool:
        asks = said.intent.startswith("faq_") or said.intent in {"help", "track_case", "bot_identity"}
        return asks and said.confidence >= SURE_DETOUR and bool(QUESTION.search(fold(said.text)))
