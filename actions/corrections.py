"""What a citizen wants changed at the summary, by tapping or in words; called by actions/reader."""

from collections.abc import Mapping
from dataclasses import replace

from actions.draft import Draft
from actions.place import Location, Placer
from actions.said import Said
from actions.wording import EDITS, IS_NOT, WRONG, content_words, joined, meant_instead, patched_address
from cases.answers import meant
from cases.codes import fold

SURE_MATTER = 0.60  # of the category, to take words that were meant otherwise (abuse) for a report all the same


class Corrector:
    """Reads corrections against the draft that was shown."""

    def __init__(self, placer: Placer, categories: Mapping[str, str]) -> None:
        self._placer = placer
        self._categories = {code: fold(label) for code, label in categories.items()}

    def says_what(self, said: Said) -> bool:
        """Whether a no goes on to say what is wrong."""
        plain = fold(said.text)
        if any(pattern.search(plain) for pattern in EDITS.values()):
            return True
        return content_words(said.text) >= 2 and self._placer.from_words(meant_instead(said.text)) is not None

    def corrected(self, said: Said, draft: Draft) -> Draft | None:
        """The draft with what was tapped or said put right; None when the words correct nothing."""
        named = said.entities.get("category") or self.category_named(said.text)
        if named in self._categories:
            return replace(draft, category=named)
        if not said.text:
            return None
        return self._part(said, draft) or self._place(meant_instead(said.text), draft) or self._category(said, draft)

    def category_named(self, text: str) -> str | None:
        """The category whose label, as shown on a button, is all that was said."""
        words = fold(text).strip(" .!")
        return next((code for code, label in self._categories.items() if words == label), None)

    def _part(self, said: Said, draft: Draft) -> Draft | None:
        """ "Sai địa chỉ", "sửa nội dung: ...": the part named, with the new words when they are there."""
        plain = fold(said.text)
        part = next((part for part, pattern in EDITS.items() if pattern.search(plain)), None)
        if part is None or not WRONG.search(plain):
            return None
        if part == "description":
            words = said.text.partition(":")[2].strip()
            if not words:
                return without(part, draft)
            whole = len(words.split()) * 2 > len((draft.description or "").split())
            return replace(draft, description=words if whole else joined(draft.description, words))
        if part == "location":
            return None if self._placer.from_words(meant_instead(said.text)) else without(part, draft)
        rest = meant(said.text)
        named = next((code for code, label in self._categories.items() if label in rest), None)
        if named is None and said.category not in (None, draft.category) and said.category_confidence >= SURE_MATTER:
            named = said.category if said.category and self._categories[said.category] not in plain else None
        return replace(draft, category=named) if named else without(part, draft)

    def _place(self, text: str, draft: Draft) -> Draft | None:
        """A place corrects the one shown; a mere number corrects the number in its address."""
        before = draft.location or Location()
        fresh = replace(before, address="", ward_id=None, area_id=None, options=(), settled=False)
        found = self._placer.from_words(text, fresh)
        if found is None:
            return None
        if not (found.ward_id or found.area_id or found.options or found.outside):
            patched = patched_address(before.address, found.address)
            return replace(draft, location=replace(before, address=patched))
        if before.area_id and not found.ward_id:  # a street of several areas: the one we know comes first
            found = self._placer.from_words(text, replace(fresh, area_id=before.area_id)) or found
        return replace(draft, location=found)

    def _category(self, said: Said, draft: Draft) -> Draft | None:
        """ "Không phải rác, là xây dựng": a few words that speak of another category than the one shown."""
        plain = fold(said.text)
        longest = 24 if IS_NOT.search(plain) else 6
        brief = 1 <= content_words(said.text) <= longest and WRONG.search(plain) is not None
        means_other = said.category_confidence >= SURE_MATTER and said.category not in (None, draft.category)
        return replace(draft, category=said.category) if brief and means_other else None


def without(part: str, draft: Draft) -> Draft:
    """The draft with one part taken out, so that it is asked for again."""
    if part == "category":
        return replace(draft, category=None, asked_category=0)
    if part == "description":
        return replace(draft, description=None)
    return replace(draft, location=None) if part == "location" else draft
