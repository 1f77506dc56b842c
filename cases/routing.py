"""Decides which ward, or which old district, a text speaks of; called by actions/place only.

A street is never placed in a ward without the citizen's word; what stays open comes back as options to ask.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

from cases.address import address_of
from cases.elsewhere import is_outside
from cases.gazetteer import MAX_OPTIONS, Gazetteer, load_gazetteer, nearest_wards, wards_of_area
from cases.mentions import Mention, find_mentions
from cases.place_text import WARD_UNITS, Cue, cut_words
from cases.place_types import Entry, UnitRef, What

__all__ = [
    "Gazetteer", "Place", "Placement", "UnitRef", "find_place", "load_gazetteer", "nearest_wards", "wards_of_area",
]  # fmt: skip


class Placement(StrEnum):
    """WARD: goes to it. AREA: an old district is known, ask the ward. ASK: choose an option. OUTSIDE: not Hà Nội."""

    WARD = "ward"
    AREA = "area"
    ASK = "ask"
    OUTSIDE = "outside"
    NONE = "none"


@dataclass(frozen=True)
class Place:
    """Where a text points.

    `area`: the old district of the place itself; `options`: at most 8 wards, or areas; `address`: as typed.
    """

    placement: Placement
    ward: UnitRef | None = None
    area: UnitRef | None = None
    options: tuple[UnitRef, ...] = ()
    address: str = ""
    method: str = "none"
    confidence: float = 0.0


@dataclass(frozen=True)
class _Evidence:
    """What the mentions of one text say. `said`: old districts named as such; `hint`: one known from before.

    `firm`: a district is part of the address ("..., Đống Đa", "quận Đống Đa"), not only somewhere near it.
    """

    wards: tuple[Mention, ...]
    places: tuple[Mention, ...]
    said: tuple[UnitRef, ...]
    firm: bool
    hint: UnitRef | None
    address: str


def find_place(gazetteer: Gazetteer, text: str, hint_area: str | None = None) -> Place:
    """The place a text names. `hint_area`: slug of an old district known from before; the text is stronger."""
    words = cut_words(text)
    mentions = find_mentions(gazetteer, words)
    hint = gazetteer.areas_by_slug.get(hint_area or "")
    if is_outside(words, mentions, hint):
        return Place(Placement.OUTSIDE, address=address_of(words, mentions), method="outside", confidence=0.9)
    inside = [mention for mention in mentions if any(entry.what is not What.OUTSIDE for entry in mention.entries)]
    evidence = _sort(inside, hint, address_of(words, inside))
    if evidence.wards:
        return _from_wards(gazetteer, evidence)
    if evidence.places:
        return _from_places(gazetteer, evidence)
    return _from_areas(gazetteer, evidence)


def _sort(mentions: Sequence[Mention], hint: UnitRef | None, address: str) -> _Evidence:
    wards, places, said = [], [], []
    for mention, after in zip_longest(mentions, mentions[1:]):
        if (after and _is_ward_of(mention, after)) or _is_rather_a_ward(mention):
            wards.append(mention)
            continue
        areas = [entry for entry in mention.entries if entry.what is What.AREA]
        kinds = {entry.what for entry in mention.entries}
        if mention.unit in WARD_UNITS or (not areas and kinds <= {What.WARD, What.OLD_WARD, What.OUTSIDE}):
            wards.append(mention)
        elif areas:
            said.append(tuple(area for entry in areas for area in entry.areas))
        elif kinds & {What.STREET, What.PLACE}:
            places.append(mention)
    return _Evidence(tuple(wards), tuple(places), _common(said), _is_firm(mentions), hint, address)


def _is_firm(mentions: Sequence[Mention]) -> bool:
    neighbours = zip([None, *mentions], mentions, [*mentions[1:], None], strict=False)
    return any(
        mention.unit or (before and before.last == mention.first) or (after and after.first == mention.last)
        for before, mention, after in neighbours
        if any(entry.what is What.AREA for entry in mention.entries)
    )


def _is_ward_of(mention: Mention, after: Mention) -> bool:
    """ "Thanh Trì, Hoàng Mai": the first is not the district of that name but an old ward of the second."""
    own = {area for entry in mention.entries if entry.what is What.AREA for area in entry.areas}
    around = {area for entry in after.entries if entry.what is What.AREA for area in entry.areas} - own
    old = [entry for entry in mention.entries if entry.what is What.OLD_WARD]
    return bool(own) and not mention.unit and after.first == mention.last and any(set(e.areas) & around for e in old)


def _is_rather_a_ward(mention: Mention) -> bool:
    """ "ở Cao Viên": an old commune, of which some street or market bears the name."""
    places = [entry for entry in mention.entries if entry.what in (What.STREET, What.PLACE)]
    kinds = {entry.what for entry in mention.entries}
    asked = mention.cue in (Cue.STREET, Cue.NUMBER) or What.AREA in kinds
    return not asked and bool(kinds & {What.WARD, What.OLD_WARD}) and all(entry.weak for entry in places)


def _common(sets: Sequence[tuple[UnitRef, ...]]) -> tuple[UnitRef, ...]:
    """What all sets share; all of them one after the other when they share nothing."""
    shared = tuple(ref for ref in (sets[0] if sets else ()) if all(ref in other for other in sets))
    return shared or _unique(ref for refs in sets for ref in refs)


def _unique(refs: Iterable[UnitRef]) -> tuple[UnitRef, ...]:
    return tuple(dict.fromkeys(refs))


def _from_wards(gazetteer: Gazetteer, evidence: _Evidence) -> Place:
    mention = _best_ward(evidence)
    entries = [entry for entry in mention.entries if entry.what in (What.WARD, What.OLD_WARD)]
    others = [other for other in evidence.wards if other is not mention]
    known = evidence.said or _areas_of([*evidence.places, *others], entries)
    for areas in (known, (evidence.hint,) if evidence.hint else ()):
        within = [entry for entry in entries if set(entry.areas) & set(areas)]
        if within:
            return _of_entries(evidence, _rank(within, mention.unit, areas), _meet(areas, within), said=True)
    if evidence.said and evidence.firm and mention.unit:
        return _contradiction(gazetteer, evidence, entries)
    if evidence.said and evidence.firm:
        return _from_places(gazetteer, evidence) if evidence.places else _from_areas(gazetteer, evidence)
    return _of_entries(evidence, _rank(entries, mention.unit, ()), (), said=False)


def _best_ward(evidence: _Evidence) -> Mention:
    """The ward named as one, and among these the one inside a district that is named too."""
    said = set(evidence.said)
    return max(evidence.wards, key=lambda m: (m.cue is Cue.UNIT, any(said & set(entry.areas) for entry in m.entries)))


def _areas_of(places: Sequence[Mention], entries: Sequence[Entry]) -> tuple[UnitRef, ...]:
    """The districts of the other names in the text, so far as the ward named may lie in them."""
    possible = {area for entry in entries for area in entry.areas}
    return _common([tuple(area for entry in m.entries for area in entry.areas if area in possible) for m in places])


def _meet(areas: Iterable[UnitRef], entries: Sequence[Entry]) -> tuple[UnitRef, ...]:
    possible = {area for entry in entries for area in entry.areas}
    return tuple(area for area in areas if area in possible)


def _rank(entries: Sequence[Entry], unit: str, areas: Sequence[UnitRef]) -> list[Entry]:
    """Those whose kind (phường, xã, thị trấn) is the one typed, else all; a name of today before an old one, unless the
    ward of today only reaches into the district named."""
    same = [entry for entry in entries if entry.unit_word == unit]

    def order(entry: Entry) -> int:
        if entry.what is What.OLD_WARD:
            return 1
        return 2 if areas and entry.areas[0] not in areas else 0

    return sorted(same or entries, key=order)


def _of_entries(evidence: _Evidence, entries: Sequence[Entry], areas: Sequence[UnitRef], *, said: bool) -> Place:
    first = entries[0]
    if first.what is What.WARD:
        area = areas[0] if len(areas) == 1 else first.areas[0]
        sure = said or len(entries) == 1
        return _place(evidence, Placement.WARD, "ward_new", 0.95 if sure else 0.8, ward=first.wards[0], area=area)
    olds = [e for e in entries if e.what is What.OLD_WARD and (not areas or set(e.areas) & set(areas))]
    districts = _unique(area for entry in olds for area in entry.areas)
    if len(districts) > 1:
        return _place(evidence, Placement.ASK, "ward_old_namesakes", 0.5, options=districts)
    wards = _unique(ward for entry in olds for ward in entry.wards)
    if len(olds) == 1 and first.settled:
        return _place(evidence, Placement.WARD, "ward_old", 0.9, ward=wards[0], area=districts[0])
    likely = {ward for mention in evidence.places for entry in mention.entries for ward in entry.wards}
    options = tuple(sorted(wards, key=lambda ward: ward not in likely))
    return _place(evidence, Placement.ASK, "ward_old_split", 0.6, area=districts[0], options=options)


def _contradiction(gazetteer: Gazetteer, evidence: _Evidence, entries: Sequence[Entry]) -> Place:
    """A ward and a district which do not go together: one of them is a slip, so both are offered."""
    named = [ward for entry in entries for ward in entry.wards[:1]]
    around = [ward for area in evidence.said for ward in wards_of_area(gazetteer, area.slug)]
    area = evidence.said[0] if len(evidence.said) == 1 else None
    return _place(evidence, Placement.ASK, "contradiction", 0.3, area=area, options=_unique([*named[:3], *around]))


def _from_places(gazetteer: Gazetteer, evidence: _Evidence) -> Place:
    areas = _common([_areas_of_name(mention) for mention in _strongest(evidence.places)])
    if evidence.said:
        areas = _narrowed(areas, evidence)
    elif evidence.hint in areas:
        areas = (evidence.hint,)
    if len(areas) > 1:
        return _place(evidence, Placement.ASK, "street_namesakes", 0.5, options=areas)
    entries = [entry for m in evidence.places for entry in m.entries if areas[0] in entry.areas]
    if evidence.said and all(entry.what in (What.WARD, What.OLD_WARD) for entry in entries) and entries:
        return _of_entries(evidence, _rank(entries, "", areas), areas, said=True)
    settled = [entry for entry in entries if entry.settled and entry.what is What.PLACE]
    if settled and len(evidence.places) == 1:
        return _place(evidence, Placement.WARD, "landmark", 0.85, ward=settled[0].wards[0], area=areas[0])
    method = "street" if any(entry.what is What.STREET for entry in entries) else "landmark"
    return _in_area(gazetteer, evidence, areas[0], method, entries)


def _narrowed(areas: tuple[UnitRef, ...], evidence: _Evidence) -> tuple[UnitRef, ...]:
    """The streets' districts the text names; where they disagree the address decides, else the street."""
    return tuple(area for area in areas if area in evidence.said) or (evidence.said if evidence.firm else areas)


def _strongest(places: Sequence[Mention]) -> Sequence[Mention]:
    """All of them when they can meet; else those best cued: "trường Kim Đồng phố Linh Lang" lies in Linh Lang."""
    if set.intersection(*(set(_areas_of_name(mention)) for mention in places)):
        return places
    best = max(mention.cue for mention in places)
    return [mention for mention in places if mention.cue is best]


def _areas_of_name(mention: Mention) -> tuple[UnitRef, ...]:
    """Where a bare name may lie: streets and landmarks before wards, and of a ward only its main district."""
    ordered = sorted(mention.entries, key=lambda entry: entry.what not in (What.STREET, What.PLACE))
    return _unique(area for e in ordered for area in (e.areas[:1] if e.what is What.WARD else e.areas))


def _from_areas(gazetteer: Gazetteer, evidence: _Evidence) -> Place:
    said = (evidence.hint,) if evidence.hint and evidence.hint in evidence.said else evidence.said
    if len(said) > 1:
        return _place(evidence, Placement.ASK, "areas", 0.5, options=said)
    if said:
        return _in_area(gazetteer, evidence, said[0], "area", ())
    if evidence.hint and evidence.address:
        return _in_area(gazetteer, evidence, evidence.hint, "hint", ())
    return _place(evidence, Placement.NONE, "none", 0.0)


def _in_area(gazetteer: Gazetteer, evidence: _Evidence, area: UnitRef, method: str, entries: Sequence[Entry]) -> Place:
    """An old district with the wards to ask about: likely ones first, then its others."""
    own = wards_of_area(gazetteer, area.slug)
    named = [ward for entry in entries for ward in entry.wards]
    likely = [ward for ward in named if ward in own or area in gazetteer.areas_of_ward[ward.id]]
    confidence = 0.9 if evidence.said else 0.75
    return _place(evidence, Placement.AREA, method, confidence, area=area, options=_unique([*likely, *own]))


def _place(
    evidence: _Evidence,
    placement: Placement,
    method: str,
    confidence: float,
    ward: UnitRef | None = None,
    area: UnitRef | None = None,
    options: tuple[UnitRef, ...] = (),
) -> Place:
    return Place(placement, ward, area, options[:MAX_OPTIONS], evidence.address, method, confidence)
