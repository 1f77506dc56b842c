"""Of the names found in a text: which are meant as places, by what is around them; called by mentions and elsewhere."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from cases.place_text import HOUSE_NUMBER, STREET_WORDS, UNIT_WORDS, Cue, Mention, Word
from cases.place_types import Entry, Grade, What

_FILLER = frozenset(
    "dạ vâng ạ a em anh chị mình tôi tớ nhà ở tại gần là thuộc khu vực nhé nha ok thì đấy đó đây này địa chỉ đc dc chỗ"
    " cho ơi số nhỉ thưa da vang la o tai gan thuoc nhe thi day do nay dia chi so minh toi nha vuc"
    " bên đoạn ngay quê ha bạn bot ad trên trong qua phía rồi đúng chính xác cũ mới cu moi ah ak"
    " ngõ ngách hẻm đường phố ngo ngach hem duong pho tổ dân nhá hả".split()
)
_AFTER_A_STREET = frozenset(
    "đoạn doan ngõ ngo số gần gan chỗ đầu cuối dau cuoi giao giờ gio tắc tac ngập ngap kẹt ket ùn".split()
)
_CROSSINGS = frozenset("với và giao cắt đến tới voi va giao cat den toi".split())
_GOES_TO = frozenset("ve vao ra len xuong tai trong o".split())
_JOINS_CHAIN = frozenset(("", ",", "-", "–", "—", "/", "(", ", (", ",,", "- ,", ")"))


def admitted_of(words: Sequence[Word], spans: Sequence[Mention], denied: Collection[int]) -> list[Mention]:
    """Those of the spans that are meant as places, each with the meanings its surroundings admit.

    `denied`: indices of spans that are named to say that it is not there; a neighbour may still speak for them.
    """
    marked = any(word.folded != word.plain for word in words)
    alone = _is_all_there_is(words, spans)
    spans = _with_whole_persons(words, spans)
    admitted = [
        None if at in denied else _admit(words, mention, marked=marked, alone=alone) for at, mention in enumerate(spans)
    ]
    _admit_neighbours(words, spans, admitted)
    return [mention for mention in admitted if mention]


def _with_whole_persons(words: Sequence[Word], spans: Sequence[Mention]) -> list[Mention]:
    """ "bác Đinh Công Hòa Lâm" is one person, of whose name the second half looks like a place as well."""
    kept: list[Mention] = []
    for mention in spans:
        goes_on = kept and kept[-1].person and kept[-1].last == mention.first and not words[mention.first].gap.strip()
        kept.append(replace(mention, person=True) if goes_on and mention.cue is not Cue.UNIT else mention)
    return kept


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
    if mention.cue in (Cue.STREET, Cue.NUMBER) and not _after_numbered_district(words, mention.start):
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
    return alone or mention.cue >= Cue.NUMBER or _fits_bare(words, mention, entry, grade, marked=marked)


def _fits_bare(words: Sequence[Word], mention: Mention, entry: Entry, grade: Grade, *, marked: bool) -> bool:
    """A name with nothing before it that says a place follows."""
    capital = words[mention.start].text[0].isupper() and mention.exact
    if grade is Grade.NAME:
        # "Nguyễn Trãi tắc đường", "lê đức thọ đoạn sau chợ": a street may open a message; further in, it is a person.
        streets = any(e.what is What.STREET for e in mention.entries)
        if entry.what is not What.STREET and (streets or entry.what not in (What.WARD, What.OLD_WARD)):
            return False
        goes_on = _goes_on_as_place(words, mention.last, first=not mention.first)
        return _at_a_break(words, mention.first) and (goes_on or (streets and capital and marked))
    district = any(e.what is What.AREA for e in mention.entries)
    if district and not mention.exact and not _at_a_break(words, mention.last):
        # "toi thuong tin vao" is "thường tin"; a district stands at an end, beside another name, or after "o", "quan".
        return _at_a_break(words, mention.first)
    return marked or entry.what is not What.STREET or _at_a_break(words, mention.first)


def _fits_outside(words: Sequence[Word], mention: Mention, grade: Grade, *, alone: bool) -> bool:
    if grade is Grade.DISTINCT:
        return True
    named = alone or mention.cue is Cue.NEAR or _after_unknown_name(words, mention.start)
    named |= mention.cue is Cue.NUMBER and _after_numbered_district(words, mention.start)
    named |= _closes_an_address(words, mention) or _opens_the_text(words, mention)
    return grade is Grade.NAME and not mention.person and named


def _opens_the_text(words: Sequence[Word], mention: Mention) -> bool:
    """ "Nha Trang dạo này kẹt xe", "Về Lạng Sơn chơi": no "nem chua Thanh Hóa", and no single word."""
    first = mention.first - (mention.first == 1 and words[0].plain in _GOES_TO)
    return first == 0 and mention.last - mention.start > 1


def _after_numbered_district(words: Sequence[Word], start: int) -> bool:
    """ "q7 tphcm", "quan 5 sai gon"."""
    before, unit = words[start - 1].plain, words[start - 2].plain if start > 1 else ""
    return bool(re.fullmatch(r"q\d{1,2}", before)) or (before.isdigit() and unit in ("quan", "q"))


def _after_unknown_name(words: Sequence[Word], start: int) -> bool:
    """ "Đường Lạch Tray Hải Phòng": a name we do not know, then the place it lies in; no "đường đi Hải Phòng"."""
    for first in range(max(0, start - 5), start - 2):
        between = words[first + 1 : start]
        if words[first].folded in {*STREET_WORDS, *UNIT_WORDS} and all(map(is_of_a_name, between)):
            return True
    return False


def is_of_a_name(word: Word) -> bool:
    return word.text[0].isupper() or word.text[0].isdigit()


def _closes_an_address(words: Sequence[Word], mention: Mention) -> bool:
    """ "..., Nam Đàn, Nghệ An": the last of several names with commas between them."""
    return mention.exact and "," in words[mention.start].gap and is_of_a_name(words[mention.start - 1])


def _goes_on_as_place(words: Sequence[Word], at: int, *, first: bool) -> bool:
    """ "… đoạn sau chợ"; and as the first words of all "Quảng Phú Cầu, làng tăm hương"."""
    return at < len(words) and (words[at].folded in _AFTER_A_STREET or (first and words[at].gap.strip() == ","))


def _at_a_break(words: Sequence[Word], at: int) -> bool:
    """Whether a clause ends before the word at this place, and the next begins."""
    return at in (0, len(words)) or bool(re.search(r"[.,;:!?\n]", words[at].gap))


def _admit_neighbours(words: Sequence[Word], spans: Sequence[Mention], admitted: list[Mention | None]) -> None:
    """A name right before an admitted larger one is its part ("Bồ Đề, Long Biên"); one right after it encloses it."""
    for at in range(len(spans) - 1):
        here, after = spans[at], spans[at + 1]
        both = _support_each_other(here, after) if admitted[at] is None and not here.person else None
        if both and touch(words, here, after):
            admitted[at : at + 2] = both
    for at in range(len(spans) - 2, -1, -1):
        here, larger = spans[at], admitted[at + 1]
        if admitted[at] is None and larger and touch(words, here, larger) and not here.person and _encloses(larger):
            kept = tuple(
                e for e in here.entries if e.what is not What.OUTSIDE or larger.entries[0].what is What.OUTSIDE
            )
            admitted[at] = replace(here, entries=kept) if kept else None
    for at in range(1, len(spans)):
        here, before = spans[at], admitted[at - 1]
        if before and (touch(words, before, here) or _cross(words, before, here)):
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
    whole = (here.exact and after.exact) or here.last - here.start > 1
    if all(far) and whole and after.last - after.start > 1:
        return replace(here, entries=far[0]), replace(after, entries=far[1])
    return None


def touch(words: Sequence[Word], left: Mention, right: Mention) -> bool:
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
