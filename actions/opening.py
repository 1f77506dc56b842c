"""Reads a message that meets no question: does it open a report, belong to a case, or neither; called by reader."""

from dataclasses import asdict, replace

from actions.corrections import SURE_MATTER
from actions.draft import Draft, Step
from actions.place import Location, Placer
from actions.said import Matter, Said
from actions.wishes import ANOTHER, DANGER_OVER, FILES_OWN, STILL_THE_SAME, WANTS_FILED
from actions.wording import NOT_KNOWN, QUESTION, content_words, joined
from cases.answers import NO, YES
from cases.codes import fold

SURE_CATEGORY = 0.40  # below it the citizen chooses among the best three
CODE_WORDS = 5  # a message of a case code and little else asks for its status
FEW_WORDS = 4  # an answer rather than a story
SURE_DANGER = 0.70  # below it the numbers come first and the report goes on
SURE_ANSWER = 0.50
SURE_OTHER = 0.60  # share of the second intent in what danger leaves, to answer that one beside the numbers
HARMLESS = frozenset({"thank", "praise", "goodbye"})
LONG_STORY = 14  # an announcement of so many words says what it is about as well
STORY_WORDS = 5  # enough to be a report, had it been meant as one


class Opener:
    """Takes everything one message holds: what, where, which kind, one matter or several."""

    def __init__(self, placer: Placer) -> None:
        self._placer = placer

    def open(self, said: Said, draft: Draft) -> Step:
        if draft.added is not None:
            return self._added_before(said, draft)
        if draft.description is not None:
            return self._told_before(said, draft)
        aside = self._about_a_case(said, draft) or self._aside(said, draft) or self._no_report(said, draft)
        if aside is not None:
            return aside
        draft = replace(draft, confirm=None)
        if said.pin:
            draft = replace(draft, location=self._placer.from_pin(*said.pin, draft.location))
        calm = ("utter_abuse_heard",) if said.intent == "abuse" else ()
        first = ("utter_english",) if said.english else calm
        only_announced = said.announces and content_words(said.text) < LONG_STORY
        if said.text and not only_announced and (said.intent == "report" or content_words(said.text) >= 3):
            draft = self.described(said, draft)
        elif said.text:
            draft = replace(draft, location=self._placer.from_words(said.text, draft.location) or draft.location)
        return outside(Step(draft, first, detour=said.asks if said.intent == "report" else None))

    def wants_told(self, said: Said, draft: Draft) -> bool:
        """Whether short words ask that what was told and not yet filed be filed ("không hỏi, tôi gửi phản ánh")."""
        return _calls(said) and draft.description is not None and content_words(said.text) <= FEW_WORDS

    def _told_before(self, said: Said, draft: Draft) -> Step:
        """Something was told and answered without being filed: now the citizen says what shall become of it."""
        if self.wants_told(said, draft) or (said.says_yes and content_words(said.text) <= FEW_WORDS):
            return outside(Step(draft))
        over = not said.tapped and DANGER_OVER.search(fold(said.text)) is not None
        if over and (said.intent == "emergency" or (_calls(said) and said.intent == "report")):
            told = replace(draft, category=None)  # what is told now may be the cause, a hole in the road
            return outside(Step(self.described(said, told)))  # "115 vừa đón rồi, giờ ghi phản ánh cái hố này"
        if said.says_no or said.says_stop:
            return Step(Draft(), ("utter_cancelled",), over=True)
        if NOT_KNOWN.search(said.plain) and content_words(said.text) <= FEW_WORDS:  # goes on about what was told
            return outside(Step(draft))
        more = said.media or said.pin or (said.text and (said.intent == "inform" or said.category == draft.category))
        if more and said.intent in {"inform", "report", "emergency"}:
            if said.pin:
                draft = replace(draft, location=self.pinned(said.pin, draft.location or Location()))
            told = self.described(said, draft) if said.text else draft
            danger = said.intent == "emergency"
            return Step(told, detour="emergency", over=True, keep=True) if danger else outside(Step(told))
        return self.open(said, Draft(media=said.media, began=said.turn_id))

    def _added_before(self, said: Said, draft: Draft) -> Step:
        """What was told went into the citizen's own case: they may want it on its own, add more, or tell another."""
        plain, few = fold(said.text), content_words(said.text) <= FEW_WORDS
        separate = FILES_OWN.search(plain) or ANOTHER.search(plain)
        if (said.tapped and said.intent == "affirm") or (separate and few):
            return Step(replace(draft, added=None, confirm=True))
        more = said.media and not said.text
        if more or (not said.tapped and STILL_THE_SAME.search(plain) and self._placer.from_words(said.text) is None):
            return Step(draft, detour="add_info", over=True, keep=True)
        if said.intent in {"affirm", "deny", "cancel"} and few:
            return Step(draft, ("utter_stays_added",), over=True, keep=True)
        return self.open(said, Draft(media=said.media, began=said.turn_id))

    def untold(self, said: Said) -> Draft | None:
        """The draft that a message would be if it were a report; None when it tells of nothing."""
        if said.tapped or QUESTION.search(fold(said.text)) or content_words(said.text) < STORY_WORDS:
            return None
        return self.described(said, Draft(media=said.media, began=said.turn_id))

    def _aside(self, said: Said, draft: Draft) -> Step | None:
        """Danger is answered with its numbers first; what was told is kept until the citizen wants it filed."""
        if said.intent == "privacy_request":
            return Step(draft, detour="privacy_request", over=True)
        if said.intent != "emergency" or (said.english and said.confidence < SURE_DANGER):
            return None
        other, sure = said.runner_up[0], said.runner_up[1] >= SURE_OTHER * (1 - said.confidence)
        if said.confidence < SURE_DANGER and sure and (other in HARMLESS or other.startswith("faq_")):
            return Step(draft, ("utter_emergency_first",), detour=other, over=True)
        told = self.described(said, draft) if said.text else draft
        if said.confidence < SURE_DANGER and told.description is not None:  # perhaps a report: both at once
            return outside(Step(told, ("utter_emergency_first",)))
        return Step(told, detour="emergency", over=True, keep=told.description is not None)

    def _about_a_case(self, said: Said, draft: Draft) -> Step | None:
        """Words or a photo that belong to a case already filed."""
        if "case_code" in said.entities and content_words(said.text) <= CODE_WORDS:
            return Step(draft, detour="track_case", over=True)
        if said.fresh and said.media and not said.text:
            return Step(draft, detour="add_info", over=True)
        return None

    def _no_report(self, said: Said, draft: Draft) -> Step | None:
        """What opens nothing, with the answer to it."""
        response = None
        if said.intent in {"affirm", "deny", "cancel"} and _answers(said):
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

    def described(self, said: Said, draft: Draft) -> Draft:
        """Take everything one message holds: what, where, which kind."""
        if draft.description is None and len(said.matters) > 1:
            return self._first_of(said, draft)
        if content_words(said.text) >= 2:
            words = joined(draft.description, said.text)
            draft = replace(draft, description=words, likely=said.categories)
        if draft.location is None or not draft.location.settled:
            found = self._placer.from_words(said.text, draft.location)
            draft = replace(draft, location=found or draft.location)
        return self.with_category(said, draft)

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

    def with_category(self, said: Said, draft: Draft) -> Draft:
        if draft.category is None and draft.description and said.category_confidence >= SURE_CATEGORY:
            return replace(draft, category=said.category)
        return draft

    def pinned(self, pin: tuple[float, float], location: Location) -> Location:
        """A pin again instead of a choice: the nearest ward is taken, and shown at the summary."""
        found = self._placer.from_pin(*pin, location)
        if location.method == "pin" and location.options and found.options:
            return replace(self._placer.choose(found, found.options[0]), method="nearest", confidence=0.6)
        return found


def _calls(said: Said) -> bool:
    """In words, or by the button "Gửi phản ánh" of a message or of the menu."""
    return said.intent == "report" if said.tapped else WANTS_FILED.search(fold(said.text)) is not None


def _answers(said: Said) -> bool:
    """A yes or no to nothing, with a few polite words: "không, cảm ơn"."""
    few = content_words(said.text) < 3 or said.plain in YES | NO
    return few or (content_words(said.text) < STORY_WORDS and said.confidence >= SURE_ANSWER)


def outside(step: Step) -> Step:
    """A place outside Hà Nội is said so and forgotten; asked again, the citizen may name one inside."""
    location = step.draft.location
    if location is None or not location.outside:
        return step
    cleared = replace(step.draft, location=Location(asked=location.asked))
    return replace(step, draft=cleared, say=(*step.say, "utter_outside_hanoi"), silent=True)
