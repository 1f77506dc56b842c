"""Whether a text speaks of a place in another province; called by `routing` only."""

from collections.abc import Sequence
from itertools import pairwise

from cases.meant import is_of_a_name
from cases.place_text import PROVINCE_UNITS, WARD_UNITS, Cue, Mention, Word
from cases.place_types import UnitRef, What

# Words between a name and the province it lies in: "chợ Đồng Xuân ở Thái Bình", "Nguyễn Trãi ở quận 5 Sài Gòn".
_APART = {Cue.NEAR: 2, Cue.NUMBER: 4}
_WHERE_ONE_IS = frozenset("o tai ve trong".split())
_BUT = frozenset("nhung ma con".split())
_WARDS = (What.WARD, What.OLD_WARD)


def is_outside(words: Sequence[Word], mentions: Sequence[Mention], hint: UnitRef | None) -> bool:
    """Another province is named, and nothing that can only be Hà Nội."""
    outside = [m for m in mentions if any(entry.what is What.OUTSIDE for entry in m.entries)]
    if not outside:
        return False
    inside = [m for m in mentions if m not in outside]
    if not inside:
        certain = any(m.cue is Cue.UNIT or len(m.entries) == 1 for m in outside)
        return certain or hint is None
    if any(_is_of_the_city(mention) for mention in inside):
        return _but_there(words, inside, outside)
    if _is_there(words, mentions, outside):
        return True
    pairs = [(before, after) for before, after in pairwise(mentions) if after in outside or before in outside]
    closes = any(after in outside and _lies_in(words, before, after) for before, after in pairs)
    closes |= any(  # or it opens the address: "Hải Phòng, đường Trần Phú"
        before in outside and before.cue is Cue.NEAR and after.cue is Cue.STREET and after.first - before.last < 3
        for before, after in pairs
    )
    return closes or (all(m.cue < Cue.UNIT for m in inside) and any(m.unit in PROVINCE_UNITS for m in outside))


def _lies_in(words: Sequence[Word], place: Mention, province: Mention) -> bool:
    """ "Trần Phú, Hải Dương", "làng Kim Liên, Nam Đàn, Nghệ An", "chợ Đồng Xuân ở Thái Bình"."""
    between = words[place.last : province.first]
    chain = "," in words[province.first].gap and all(map(is_of_a_name, between))
    return not between or chain or len(between) < _APART.get(province.cue, 0)


def _is_there(words: Sequence[Word], mentions: Sequence[Mention], outside: Sequence[Mention]) -> bool:
    """ "Em học ở Huế, trọ gần đường Hùng Vương": where somebody is, then only streets; no "quê Nam Định, ..."."""
    first, *others = mentions
    before = words[first.first - 1].plain if first.first else ""
    here = not first.first or before in _WHERE_ONE_IS
    return first in outside and here and all(m.cue is Cue.STREET or _is_no_unit_here(m) for m in others)


def _is_no_unit_here(mention: Mention) -> bool:
    """ "Phường Phan Đình Phùng", which in Hà Nội is a street only: a ward of another city."""
    return mention.unit in WARD_UNITS and not any(entry.what in _WARDS for entry in mention.entries)


def _but_there(words: Sequence[Word], inside: Sequence[Mention], outside: Sequence[Mention]) -> bool:
    """ "Em sống ở Hà Nội nhưng nhà ông bà ở Quỳnh Lưu, Nghệ An": the city, and behind a "but" only another province."""
    city, there = inside[-1], outside[-1]
    between = {word.plain for word in words[city.last : there.first]}
    only_named = all(entry.what is What.CITY for mention in inside for entry in mention.entries)
    return only_named and not between.isdisjoint(_BUT) and not between.isdisjoint(_WHERE_ONE_IS)


def _is_of_the_city(mention: Mention) -> bool:
    """A district of Hà Nội by its kind: beside another province a "thị xã Hoàng Mai" is none."""
    return any(
        entry.what is What.CITY or (entry.what is What.AREA and mention.unit in ("", entry.unit_word))
        for entry in mention.entries
    )
