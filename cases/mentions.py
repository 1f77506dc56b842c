"""Finds the names of places in a text and decides which are meant as places; called by `routing` only."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cases.gazetteer import Gazetteer
from cases.place_text import (
    DISTRICT_UNITS,
    HOUSE_NUMBER,
    JOINS_UNIT,
    PROVINCE_UNITS,
    STREET_WORDS,
    UNIT_WORDS,
    WARD_UNITS,
    Cue,
    Word,
    cue_before,
    unit_before,
)
from cases.place_types import Entry, Grade, Name, What


@dataclass(frozen=True)
class Mention:
    """Words `first` to `last` (exclusive) read as a name, its unit word included; the name proper begins at `start`."""

    first: int
    start: int
    last: int
    entries: tuple[Entry, ...]
    cue: Cue
    unit: str = ""
    exact: bool = True
    person: bool = False


_MEANINGS = {
    WARD_UNITS: frozenset((What.WARD, What.OLD_WARD)),
    DISTRICT_UNITS: frozenset((What.AREA, What.OUTSIDE)),
    PROVINCE_UNITS: frozenset((What.OUTSIDE, What.CITY, What.AREA)),
}

_FILLER = frozenset(
    "dạ vâng ạ a em anh chị mình tôi tớ nhà ở tại gần là thuộc khu vực nhé nha ok thì đấy đó đây này địa chỉ đc dc chỗ"
    " cho ơi số nhỉ thưa da vang la o tai gan thuoc nhe thi day do nay dia chi so minh toi nha vuc"
    " bên đoạn ngay quê ha bạn bot ad trên trong qua phía rồi đúng chính xác cũ mới cu moi ah ak"
    " ngõ ngách hẻm đường phố ngo ngach hem duong pho tổ dân nhá hả".split()
)
_SAYS_WHERE = frozenset(("o", "tai", "gan"))
_AFTER_A_STREET = frozenset(
    "đoạn doan ngõ ngo số gần gan chỗ đầu cuối dau cuoi giao giờ gio tắc tac ngập ngap kẹt ket ùn".split()
)
_CROSSINGS = frozenset("với và giao cắt đến tới voi va giao cat den toi".split())
_JOINS_NAME = frozenset(("", "!", "-", "–", "—", "_", "'", "’"))
_JOINS_CHAIN = frozenset(("", ",", "-", "–", "—", "/", "(", ", (", ",,", "- ,", ")"))


def find_mentions(gazetteer: Gazetteer, words: Sequence[Word]) -> list[Mention]:
    """The names meant as places, in their order, each with the meanings its surroundings admit."""
    marked = any(word.folded != word.plain for word in words)
    spans = _without_noise(words, _best_cover(len(words), _candidates(gazetteer, words)))
    alone = _is_all_there_is(words, spans)
    admitted = [
        None if _denied(words, mention) else _admit(words, mention, marked=marked, alone=alone) for mention in spans
    ]
    _admit_neighbours(words, spans, admitted)
    return [mention for mention in admitted if mention]


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
        elif after and _touch(words, mention, after):
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


def _is_all_there_is(words: Sequence[Word], mentions: Sequence[Mention]) -> bool:
    inside = {at for mention in mentions for at in range(mention.first, mention.last)}
    rest = (word for at, word in enumerate(words) if at not in inside)
    return all(
        word.folded in _FILLER or word.folded in UNIT_WORDS or HOUSE_NUMBER.fullmatch(word.folded) for word in rest
    )


def _admit(words: Sequence[Word], mention: Mention, *, marked: bool, alone: bool) -> Mention | None:
    if mention.cue is Cue.UNIT:
        return mention
    entries = mention.entries
    if mention.cue in (Cue.STREET, Cue.NUMBER):
        streets = tuple(entry for entry in entries if entry.what is What.STREET)
        entries = streets or tuple(entry for entry in entries if entry.what is not What.OUTSIDE)
        if not mention.exact and (not streets or _after_bare_alley(words, mention)):
            # "dau ngo co dong rac" is a heap of rubbish, not Cổ Đông.
            mention = replace(mention, cue=Cue.BARE)
    fits = tuple(e for e in entries if _fits(words, mention, e, marked=marked, alone=alone))
    return replace(mention, entries=fits) if fits else None


def _after_bare_alley(words: Sequence[Word], mention: Mention) -> bool:
    """Two words without marks right after "ngo": an alley has a number far more often than a name."""
    return mention.last - mention.start == 2 and words[mention.start - 1].folded in ("ngo", "ngach", "hem")


def _fits(words: Sequence[Word], mention: Mention, entry: Entry, *, marked: bool, alone: bool) -> bool:
    if entry.what is What.CITY:
        return True
    grade = entry.grade
    if not mention.exact and marked and grade > Grade.COMMON:
        grade = Grade(grade - 1)
    if mention.person:
        return False
    capital = words[mention.start].text[0].isupper() and mention.exact
    if entry.what is What.OUTSIDE:
        return _fits_outside(words, mention, grade, alone=alone)
    if grade is Grade.COMMON:
        abbreviation = entry.what is What.AREA and (alone or mention.cue >= Cue.NUMBER)
        if abbreviation or mention.cue is Cue.STREET or (capital and (alone or mention.cue >= Cue.NUMBER)):
            return True
        # An answer of two words and nothing else ("hàng bài") is no everyday word.
        return alone and entry.what in (What.STREET, What.PLACE) and mention.last - mention.start > 1
    if alone or mention.cue >= Cue.NUMBER:
        return True
    if grade is Grade.NAME:
        # "Nguyễn Trãi tắc đường", "lê đức thọ đoạn sau chợ": a street may open a message; further in, it is a person.
        streets = any(e.what is What.STREET for e in mention.entries)
        if entry.what is not What.STREET and (streets or entry.what not in (What.WARD, What.OLD_WARD)):
            return False
        goes_on = _goes_on_as_place(words, mention.last, first=not mention.first)
        return _opens_clause(words, mention.first) and (goes_on or (streets and capital and marked))
    return marked or entry.what is not What.STREET or _opens_clause(words, mention.first)


def _fits_outside(words: Sequence[Word], mention: Mention, grade: Grade, *, alone: bool) -> bool:
    if grade is Grade.DISTINCT:
        return True
    named = alone or mention.cue is Cue.NEAR or _after_unknown_name(words, mention.start)
    return grade is Grade.NAME and not mention.person and named


def _after_unknown_name(words: Sequence[Word], start: int) -> bool:
    """ "Đường Lạch Tray Hải Phòng": a name we do not know, then the place it lies in; no "đường đi Hải Phòng"."""
    for first in range(max(0, start - 5), start - 2):
        between = words[first + 1 : start]
        if words[first].folded in {*STREET_WORDS, *UNIT_WORDS} and all(word.text[0].isupper() for word in between):
            return True
    return False


def _goes_on_as_place(words: Sequence[Word], at: int, *, first: bool) -> bool:
    """ "… đoạn sau chợ"; and as the first words of all "Quảng Phú Cầu, làng tăm hương"."""
    return at < len(words) and (words[at].folded in _AFTER_A_STREET or (first and words[at].gap.strip() == ","))


def _opens_clause(words: Sequence[Word], at: int) -> bool:
    return at == 0 or bool(re.search(r"[.,;:!?\n]", words[at].gap))


def _admit_neighbours(words: Sequence[Word], spans: Sequence[Mention], admitted: list[Mention | None]) -> None:
    """A name right before an admitted larger one is its part ("Bồ Đề, Long Biên"); one right after it encloses it."""
    for at in range(len(spans) - 1):
        here, after = spans[at], spans[at + 1]
        both = _support_each_other(here, after) if admitted[at] is None and not here.person else None
        if both and _touch(words, here, after):
            admitted[at : at + 2] = both
    for at in range(len(spans) - 2, -1, -1):
        here, larger = spans[at], admitted[at + 1]
        if admitted[at] is None and larger and _touch(words, here, larger) and not here.person and _encloses(larger):
            kept = tuple(
                e for e in here.entries if e.what is not What.OUTSIDE or larger.entries[0].what is What.OUTSIDE
            )
            admitted[at] = replace(here, entries=kept) if kept else None
    for at in range(1, len(spans)):
        here, before = spans[at], admitted[at - 1]
        if before and (_touch(words, before, here) or _cross(words, before, here)):
            known = admitted[at]
            kept = tuple(e for e in here.entries if e in (known.entries if known else ()) or _may_follow(e, here))
            admitted[at] = replace(here, entries=kept) if kept else None


def _support_each_other(here: Mention, after: Mention) -> tuple[Mention, Mention] | None:
    """ "Ba Trại, Ba Vì", "Phúc Yên, Vĩnh Phúc": a name and the district, or the province, that it lies in."""
    around = tuple(entry for entry in after.entries if entry.what is What.AREA and entry.grade is not Grade.COMMON)
    areas = {area for entry in around for area in entry.areas}
    parts = tuple(e for e in here.entries if e.what in (What.WARD, What.OLD_WARD) and areas & set(e.areas))
    if parts and around and here.exact == after.exact:
        return replace(here, entries=parts), replace(after, entries=around)
    far = [tuple(entry for entry in mention.entries if entry.what is What.OUTSIDE) for mention in (here, after)]
    if all(far) and here.exact and after.exact and after.last - after.start > 1:
        return replace(here, entries=far[0]), replace(after, entries=far[1])
    return None


def _touch(words: Sequence[Word], left: Mention, right: Mention) -> bool:
    return left.last == right.first and words[right.first].gap.strip() in _JOINS_CHAIN


def _cross(words: Sequence[Word], left: Mention, right: Mention) -> bool:
    """ "Nguyễn Trãi với Khuất Duy Tiến": a street which crosses another needs no cue of its own."""
    streets = all(any(entry.what is What.STREET for entry in mention.entries) for mention in (left, right))
    return streets and right.first == left.last + 1 and words[left.last].folded in _CROSSINGS


def _encloses(mention: Mention) -> bool:
    return any(entry.what not in (What.STREET, What.PLACE) for entry in mention.entries)


def _may_follow(entry: Entry, mention: Mention) -> bool:
    if entry.what is What.OUTSIDE:
        return mention.cue is not Cue.STREET and (entry.grade is not Grade.COMMON or mention.last - mention.start > 1)
    return entry.what is What.AREA or (entry.grade is not Grade.COMMON and mention.cue is not Cue.UNIT)
