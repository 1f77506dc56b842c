"""Reads one turn into the draft, in the light of what was asked: pure decisions; called by actions/report."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from actions.corrections import SURE_MATTER, Corrector, without
from actions.draft import Draft
from actions.guidance import SURE_LAW
from actions.place import Location, Placer
from actions.said import Matter, Said
from actions.wishes import ANONYMOUS, REFUSES, on_behalf_of
from actions.wording import ADDRESS_CUE, NOT_DONE, QUESTION, content_words, is_bare_number, joined
from cases.codes import fold

SURE_CATEGORY = 0.40  # below it the citizen chooses among the best three
SURE_DETOUR = 0.50
CODE_WORDS = 5  # a message of a case code and little else asks for its status
MOST_QUESTIONS = 2  # about one thing; then the draft goes on with what is known
DETOURS = frozenset(
    "greet thank goodbye help bot_identity ask_human privacy_request track_case emergency abuse out_of_scope "
    "praise".split()
)
PETITIONS = frozenset({"denounce", "complain_decision"})


@dataclass(frozen=True)
class Step:
    """What one turn does to a draft: the draft after it, what to say first, an interruption to answer, or the end."""

    draft: Draft
    say: tuple[str, ...] = ()
    detour: str | None = None
    over: bool = False
    silent: bool = False  # the question is already in what is said
    forget: bool = False  # what was typed is not kept


class Reader:
    """Reads a turn against the question that was open; `asked` is None for the message that opens the form."""

    def __init__(self, placer: Placer, categories: Mapping[str, str]) -> None:
        """`categories` are the labels that people read, by code."""
        self._placer = placer
        self._categories = categories
        self._corrector = Corrector(placer, categories)

    def read(self, said: Said, asked: str | None, draft: Draft) -> Step:
        draft = self._with_wishes(
            said, replace(draft, media=draft.media + said.media, began=draft.began or said.turn_id)
        )
        if not said.tapped and REFUSES.search(fold(said.text)):
            return Step(Draft(), ("utter_refused",), over=True, forget=True)
        if said.stale:
            return Step(draft, ("utter_stale_button",), over=asked is None)
        if asked is None:
            return self._opening(said, draft)
        if said.interrupted and not said.tapped and (said.says_yes or said.says_no):
            return Step(draft)
        if said.says_stop and not (asked == "location" and said.says_unknown):
            return Step(Draft(), ("utter_cancelled",), over=True)
        if said.intent in PETITIONS and said.confidence >= SURE_LAW:
            dropped = ("utter_draft_dropped",) if draft.description else ()
            return Step(Draft(), dropped, detour=said.intent, over=True)
        if said.intent == "dispute_result" and said.tapped:
            return Step(draft, detour="dispute_result")
        if said.intent == "emergency" and said.confidence >= SURE_DETOUR:
            return self._with_words(said, asked, replace(draft), Step(draft, detour="emergency"))
        if "edit" in said.entities:
            return Step(without(said.entities["edit"], draft))
        handlers = {
            "description": self._description,
            "location": self._location,
            "category": self._category,
            "confirm": self._confirm,
        }
        return handlers[asked](said, draft)

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
        return replace(step, draft=self._described(said, draft))

    def _opening(self, said: Said, draft: Draft) -> Step:
        aside = self._about_a_case(said, draft) or self._no_report(said, draft)
        if aside is not None:
            return aside
        draft = replace(draft, confirm=None)
        if said.pin:
            draft = replace(draft, location=self._placer.from_pin(*said.pin, draft.location))
        calm = ("utter_abuse_heard",) if said.intent == "abuse" else ()
        first = ("utter_english",) if said.english else calm
        if said.text and (said.intent == "report" or content_words(said.text) >= 3):
            draft = self._described(said, draft)
        elif said.text:
            draft = replace(draft, location=self._placer.from_words(said.text, draft.location) or draft.location)
        return self._outside(Step(draft, first))

    def _about_a_case(self, said: Said, draft: Draft) -> Step | None:
        """Words or a photo that belong to a case already filed."""
        if "case_code" in said.entities and content_words(said.text) <= CODE_WORDS:
            return Step(draft, detour="track_case", over=True)
        not_done = said.resolved and not said.tapped and NOT_DONE.search(said.plain)
        if not_done and self._placer.from_words(said.text) is None:
            return Step(draft, detour="dispute_result", over=True)
        if said.fresh and said.media and not said.text:
            return Step(draft, detour="add_info", over=True)
        return None

    def _no_report(self, said: Said, draft: Draft) -> Step | None:
        """What opens nothing, with the answer to it."""
        response = None
        if said.intent in {"affirm", "deny", "cancel"} and content_words(said.text) < 3:
            response = "utter_nothing_pending"
        elif said.english and not (said.intent == "report" and said.category_confidence >= SURE_MATTER):
            response = "utter_english"
        elif said.intent == "out_of_scope":
            response = "utter_out_of_scope"
        elif said.intent == "abuse" and not self._is_matter(said, SURE_MATTER):
            response = "utter_abuse"
        elif said.intent == "nlu_fallback" and not said.pin and not self._is_matter(said):
            response = "utter_fallback_again" if said.missed else "utter_fallback"
        elif said.sticker and not (said.text or said.media or said.pin):
            response = "utter_sticker"
        return Step(draft, (response,), over=True) if response else None

    def _is_matter(self, said: Said, sure: float = SURE_CATEGORY) -> bool:
        """Not understood as an intent, yet it tells what or where: better asked about than sent away."""
        if content_words(said.text) < 3:
            return False
        return said.category_confidence >= sure or self._placer.from_words(said.text) is not None

    def _described(self, said: Said, draft: Draft) -> Draft:
        """Take everything one message holds: what, where, which kind."""
        if draft.description is None and len(said.matters) > 1:
            return self._first_of(said, draft)
        if content_words(said.text) >= 2:
            words = joined(draft.description, said.text)
            draft = replace(draft, description=words, likely=said.categories)
        if draft.location is None or not draft.location.settled:
            found = self._placer.from_words(said.text, draft.location)
            draft = replace(draft, location=found or draft.location)
        return self._guess_category(said, draft)

    def _first_of(self, said: Said, draft: Draft) -> Draft:
        """Of several matters the first is filed now, with the place that any of them names; the others follow."""
        first, *others = said.matters
        draft = replace(draft, later=tuple(asdict(matter) for matter in others))
        if draft.location is None or not draft.location.settled:
            found = self._placer.from_words(first.text, draft.location)
            if found is None or not (found.ward_id or found.area_id or found.options):
                found = self._placer.from_words(said.text, draft.location) or found
            draft = replace(draft, location=found or draft.location)
        return self._with_matter(draft, first)

    def following(self, draft: Draft) -> Draft:
        """The draft of the next matter of the same message; where it names no place, that of the one before holds."""
        matter = Matter(**draft.later[0])
        found = self._placer.from_words(matter.text)
        placed = found if found and (found.ward_id or found.area_id or found.outside) else draft.location
        fresh = Draft(
            location=placed,
            began=draft.began,
            ordinal=draft.ordinal + 1,
            later=draft.later[1:],
            behalf=draft.behalf,
            anonymous=draft.anonymous,
        )
        return self._with_matter(fresh, matter)

    def _with_matter(self, draft: Draft, matter: Matter) -> Draft:
        category = matter.categories[0] if matter.confidence >= SURE_CATEGORY else None
        return replace(draft, description=matter.text, likely=tuple(matter.categories), category=category)

    def _guess_category(self, said: Said, draft: Draft) -> Draft:
        if draft.category is None and draft.description and said.category_confidence >= SURE_CATEGORY:
            return replace(draft, category=said.category)
        return draft

    def _description(self, said: Said, draft: Draft) -> Step:
        if said.pin or (said.media and not said.text):
            return self._opening(said, draft)
        if self._is_detour(said) and content_words(said.text) < 8:
            return Step(draft, detour=said.intent)
        if said.tapped or not said.text:
            return Step(draft)
        described = self._described(said, draft)
        if described.description is None and described.location == draft.location:
            return Step(described, ("utter_description_too_short",), silent=True)
        return self._outside(Step(described))

    def _location(self, said: Said, draft: Draft) -> Step:
        before = draft.location or Location()
        choice = bool(before.options)  # a choice among wards or areas is put once; the open question twice
        location = replace(before, asked=before.asked + (not choice))
        if said.pin:
            return self._outside(Step(replace(draft, location=self._placer.from_pin(*said.pin, location))))
        chosen = (
            said.entities.get("ward") or said.entities.get("area") or self._placer.option_named(location, said.text)
        )
        if chosen:
            return Step(replace(draft, location=self._placer.choose(location, chosen)))
        if said.says_unknown:
            return Step(replace(draft, location=replace(location, settled=True, options=())))
        if said.media and not said.text:
            return Step(draft, ("utter_media_kept",))
        if self._is_question(said):
            return Step(draft, detour=said.intent)
        if said.says_yes or said.says_no or is_bare_number(said.text):
            return self._no_place(draft, before)
        found = self._placer.from_words(said.text, location) if said.text else None
        if found is not None:
            found = self._settle(found, choice=choice and found.area_id == before.area_id)
            return self._outside(Step(replace(draft, location=found)))
        if self._is_detour(said):
            return Step(draft, detour=said.intent)
        return self._unplaced(said, draft, location, choice)

    def _no_place(self, draft: Draft, before: Location) -> Step:
        """A yes, a no or a number that fits nothing is no address: ask once more, then go on with what is known."""
        location = replace(before, asked=before.asked + 1)
        if location.asked >= MOST_QUESTIONS:
            return Step(replace(draft, location=replace(location, settled=True, options=())))
        return Step(replace(draft, location=location), ("utter_place_missing",))

    def _unplaced(self, said: Said, draft: Draft, location: Location, choice: bool) -> Step:
        """Words that name no place we know: keep them as the address or as more of the story."""
        story = content_words(said.text) >= 3 and not ADDRESS_CUE.search(fold(said.text))
        if draft.description and (story or (said.intent == "report" and content_words(said.text) >= 6)):
            more = replace(draft, description=joined(draft.description, said.text))
            draft = self._guess_category(said, more)
        elif said.text and not said.tapped:
            location = replace(location, address=", ".join(filter(None, (said.text, location.address))))
        return Step(replace(draft, location=self._settle(location, choice)))

    def _settle(self, location: Location, choice: bool) -> Location:
        """Enough was asked: go on with what is known, be it only the area."""
        enough = choice or (location.asked >= MOST_QUESTIONS and not location.options)
        if location.settled or location.outside or not enough:
            return location
        return replace(location, settled=True, options=())

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

    def _confirm(self, said: Said, draft: Draft) -> Step:
        if said.says_yes:
            return Step(replace(draft, confirm=True))
        if said.says_no and not self._corrector.says_what(said):
            return Step(draft, ("utter_need_edit",), silent=True)
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
            return self._outside(Step(replace(draft, location=located)))
        corrected = self._corrector.corrected(said, draft)
        if corrected is not None:
            return self._outside(Step(corrected))
        if content_words(said.text) >= 3:
            return Step(replace(draft, description=joined(draft.description, said.text)), ("utter_added_to_draft",))
        return Step(draft, ("utter_added_to_draft",) if said.media else ())

    def _outside(self, step: Step) -> Step:
        """A place outside Hà Nội is said so and forgotten; asked again, the citizen may name one inside."""
        location = step.draft.location
        if location is None or not location.outside:
            return step
        cleared = replace(step.draft, location=Location(asked=location.asked))
        return replace(step, draft=cleared, say=(*step.say, "utter_outside_hanoi"), silent=True)

    def _is_detour(self, said: Said) -> bool:
        known = said.intent in DETOURS or said.intent.startswith("faq_")
        return known and said.confidence >= SURE_DETOUR

    def _is_question(self, said: Said) -> bool:
        asks = said.intent.startswith("faq_") or said.intent in {"help", "track_case", "bot_identity"}
        return asks and said.confidence >= SURE_DETOUR and bool(QUESTION.search(fold(said.text)))
