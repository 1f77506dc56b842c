"""Finds the names of places in a text and decides which are meant as places; called by `routing` and `address` only."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cases.gazetteer import Gazetteer
from cases.meant import admitted_of, touch
from cases.place_text import (
    DISTRICT_UNITS,
    JOINS_UNIT,
    PROVINCE_UNITS,
    STREET_WORDS,
    WARD_UNITS,
    Cue,
    Mention,
    Word,
    cue_before,
    unit_before,
)
from cases.place_types import Entry, Name, What

__all__ = ["Mention", "find_mentions"]


_MEANINGS = {
    WARD_UNITS: frozenset((What.WARD, What.OLD_WARD)),
    DISTRICT_UNITS: frozenset((What.AREA, What.OUTSIDE)),
    PROVINCE_UNITS: frozenset((What.OUTSIDE, What.CITY, What.AREA)),
}

_SAYS_WHERE = frozenset(("o", "tai", "gan"))
_JOINS_NAME = frozenset(("", "!", "-", "–", "—", "_", "'", "’"))


def find_mentions(gazetteer: Gazetteer, words: Sequence[Word]) -> list[Mention]:
    """The names meant as places, in their order, each with the meanings its surroundings admit."""
    spans = _without_noise(words, _best_cover(len(words), _candidates(gazetteer, words)))
    return admitted_of(words, spans, {at for at, mention in enumerate(spans) if _denied(words, mention)})


def _denied(words: Sequence[Word], mention: Mention) -> bool:
    """ "Sơn Tây thì không, em ở Việt Trì", "Láng Hạ? không": named to say that it is not there."""
    after = words[mention.last : mention.last + 2]
    said = " ".join(word.plain for word in after)
    return said == "thi khong" or (said.startswith("khong") and "?" in after[0].gap)


def _candidates(gazetteer: Gazetteer, words: Sequence[Word]) -> Iterator[Mention]:
    plain = [word.plain for word in words]
    for start, word in enumerate(words):
        if (outside := _numbered_district(words, start)) is not None:
            yield outside
        for length in range(min(gazetteer.longest.get(word.plain, 0), len(words) - start), 0, -1):
            names = gazetteer.names.get(tuple(plain[start : start + length]), ())
            if word.plain == "tran" and start and plain[start - 1] == "thi":  # "thị trấn Đại Nghĩa", no Trần Đại Nghĩa
                break
            if names and _unbroken(words, start, start + length):
                yield from _readings(words, start, start + length, names)


def _numbered_district(words: Sequence[Word], at: int) -> Mention | None:
    """ "Quận 7": only the city in the south numbers its districts."""
    if not words[at].plain.isdigit() or len(words[at].plain) > 2 or not at:
        return None
    before = words[at - 1]
    if before.folded == "quận" or (before.folded == "q" and words[at].gap.strip() in JOINS_UNIT):
        return Mention(at - 1, at, at + 1, (Entry(What.OUTSIDE, unit_word="district"),), Cue.UNIT, "quận")
    return None


def _unbroken(words: Sequence[Word], start: int, last: int) -> bool:
    return all(word.gap.strip() in _JOINS_NAME for word in words[start + 1 : last])


def _readings(words: Sequence[Word], start: int, last: int, names: Sequence[Name]) -> Iterator[Mention]:
    agreeing = [name for name in names if _agrees(words[start:last], name.words)]
    if not agreeing:
        return
    exact = [
        name for name in agreeing if all(w.folded == n for w, n in zip(words[start:last], name.words, strict=True))
    ]
    entries = tuple(name.entry for name in exact or agreeing)
    first, unit = unit_before(words, start)
    meanings = next((kinds for units, kinds in _MEANINGS.items() if unit in units), frozenset())
    fitting = tuple(entry for entry in entries if entry.what in meanings)
    if fitting:
        yield Mention(first, start, last, fitting, Cue.UNIT, unit, bool(exact))
    cue, person = cue_before(words, start)
    if words[start].folded in STREET_WORDS and last - start > 1:
        cue = Cue.STREET
    noise = tuple(entry for entry in entries if entry.what is What.NOISE)
    if noise:  # "chua thay" is "chưa thấy"; "gan chua thay" is near Chùa Thầy
        others = tuple(entry for entry in entries if entry.what is not What.NOISE)
        meant = others and (cue >= Cue.STREET or words[max(0, start - 1)].plain in _SAYS_WHERE)
        entries = others if meant else (*noise, *others)
    yield Mention(start, start, last, entries, cue, "", bool(exact), person)


def _without_noise(words: Sequence[Word], spans: Sequence[Mention]) -> list[Mention]:
    """What only looks like a place goes, unless the district it would lie in stands behind it ("co bi, gia lam")."""
    kept = []
    for at, mention in enumerate(spans):
        after = spans[at + 1] if at + 1 < len(spans) else None
        if mention.entries[0].what is not What.NOISE:
            kept.append(mention)
        elif after and touch(words, mention, after):
            around = {area for entry in after.entries if entry.what is What.AREA for area in entry.areas}
            entries = tuple(entry for entry in mention.entries if around & set(entry.areas))
            kept += [replace(mention, entries=entries)] if entries else []
    return kept


def _agrees(words: Sequence[Word], name: Sequence[str]) -> bool:
    """A word typed with marks must carry the right ones; one typed without may stand for any."""
    return all(w.folded == n or w.folded == w.plain for w, n in zip(words, name, strict=True))


def _best_cover(size: int, candidates: Iterator[Mention]) -> list[Mention]:
    """Of all ways to lay names side by side the one of the longest names (squares).

    When equal the one further right: "đường Lâm Du" is the street Lâm Du, not the village Đường Lâm.
    """
    by_first: dict[int, list[Mention]] = {}
    for candidate in candidates:
        by_first.setdefault(candidate.first, []).append(candidate)
    best: list[tuple[int, Mention | None]] = [(0, None)] * (size + 1)
    for first in range(size - 1, -1, -1):
        best[first] = (best[first + 1][0], None)
        for candidate in by_first.get(first, ()):
            score = _score(candidate) + best[candidate.last][0]
            if score > best[first][0]:
                best[first] = (score, candidate)
    chosen, at = [], 0
    while at < size:
        mention = best[at][1]
        if mention:
            chosen.append(mention)
        at = mention.last if mention else at + 1
    return chosen


def _score(mention: Mention) -> int:
    length, unit = mention.last - mention.start, mention.start - mention.first
    return 2 * length**2 + 3 * unit + (unit > 1) + (mention.entries[0].what is What.NOISE)
