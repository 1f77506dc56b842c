"""The location slot of a draft: from words, a pin or a chosen option to a unit; called by the report form."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cases.boundaries import Boundaries
from cases.codes import fold
from cases.gazetteer import Gazetteer, UnitRef, nearest_wards, wards_of_area
from cases.place_types import CITY_ID, What
from cases.routing import Place, Placement, find_place
from cases.words import area_label

MOST_OPTIONS = 8
_ORDERED = frozenset(("pin", "ward_old_split"))  # ways of placing whose options are likeliest first
_LIES_IN = frozenset((What.OLD_WARD, What.STREET, What.PLACE))


@dataclass(frozen=True)
class Location:
    """Where the matter is, as far as we know; `settled` when nothing more will be asked about it.

    `options` are unit ids offered for choice; `asked` counts questions already put about this location.
    """

    address: str = ""
    ward_id: str | None = None
    area_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    method: str = ""
    confidence: float = 0.0
    options: tuple[str, ...] = ()
    outside: bool = False
    asked: int = 0
    settled: bool = False

    def to_slot(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def unit_id(self) -> str:
        return self.ward_id or self.area_id or CITY_ID


def from_slot(slot: Mapping[str, Any] | None) -> Location | None:
    return None if slot is None else Location(**{**slot, "options": tuple(slot["options"])})


@dataclass(frozen=True)
class Placer:
    """Finds units for what people say, with the gazetteer of the process."""

    gazetteer: Gazetteer
    units: Mapping[str, UnitRef]
    boundaries: Boundaries | None = None

    def from_words(self, text: str, previous: Location | None = None) -> Location | None:
        """A location named in a text, be it only an address we cannot place; None when it names none."""
        known = previous or Location()
        area = self.units[known.area_id].slug if known.area_id else None
        place = find_place(self.gazetteer, text, area)
        if place.placement is Placement.NONE:
            return replace(known, address=_joined(known.address, place.address)) if place.address else None
        return self._merge(known, place)

    def from_pin(self, lat: float, lon: float, previous: Location | None = None) -> Location:
        """A pin: the ward whose official boundary holds it, when these are loaded; else the nearest wards are offered,
        never taken unasked; far away is outside Hà Nội.
        """
        known = previous or Location()
        ward = self.boundaries.ward_at(lat, lon) if self.boundaries else None
        if ward:
            area = self.gazetteer.areas_of_ward[ward][0].id
            found = replace(known, ward_id=ward, area_id=area, lat=lat, lon=lon, options=(), outside=False)
            address = known.address or f"Vị trí ghim {lat:.5f}, {lon:.5f}"
            return replace(found, address=address, method="boundary", confidence=0.95, settled=True)
        wards = nearest_wards(self.gazetteer, lat, lon)
        return replace(
            known,
            address=known.address or f"Vị trí ghim {lat:.5f}, {lon:.5f}",
            lat=lat,
            lon=lon,
            method="pin",
            options=tuple(ward.id for ward in wards),
            outside=not wards,
            settled=False if known.ward_id is None else known.settled,
        )

    def choose(self, location: Location, unit_id: str) -> Location:
        """The citizen picked a unit: a ward settles the matter, an area leads to its wards."""
        unit = self.units.get(unit_id)
        if unit is None:
            return location
        if unit.kind == "ward":
            return replace(location, ward_id=unit.id, options=(), method="chosen", confidence=1.0, settled=True)
        wards = tuple(ward.id for ward in wards_of_area(self.gazetteer, unit.slug))
        return replace(location, area_id=unit.id, options=wards[:MOST_OPTIONS], method="chosen", confidence=0.8)

    def option_named(self, location: Location, text: str) -> str | None:
        """The offered unit whose name (with or without its kind) is all that the text says."""
        said = fold(text).strip(" .,!")
        for unit_id in location.options:
            name = fold(self.units[unit_id].name)
            if said in {name, name.split(" ", 1)[-1]}:
                return unit_id
        return None

    def likeliest(self, location: Location) -> Location:
        """For somebody who cannot say the ward: nearest to the pin, where most of an old ward went, or the one in which
        a street or market of the name lies. The address stays as it was where nothing speaks for one.
        """
        ward = location.options[0] if location.options and location.method in _ORDERED else self._namesake(location)
        settled = replace(location, settled=True, options=())
        return replace(settled, ward_id=ward, method="likely", confidence=0.4) if ward else settled

    def _namesake(self, location: Location) -> str | None:
        words = fold(location.address).replace(",", " ").split()
        spans = (words[start:end] for start in range(len(words)) for end in range(len(words), start + 1, -1))
        for span in spans:
            for name in self.gazetteer.names.get(tuple(span), ()):
                near = location.area_id in {area.id for area in name.entry.areas}
                if near and name.entry.wards and name.entry.what in _LIES_IN:
                    return name.entry.wards[0].id
        return None

    def name(self, unit_id: str) -> str:
        unit = self.units.get(unit_id)
        if unit is None or unit.kind == "city":
            return "Thành phố Hà Nội"
        return area_label(unit.name) if unit.kind == "area" else unit.name

    def _merge(self, known: Location, place: Place) -> Location:
        found = replace(
            known,
            address=_joined(known.address, place.address),
            method=place.method,
            confidence=place.confidence,
            outside=place.placement is Placement.OUTSIDE,
            area_id=place.area.id if place.area else known.area_id,
            ward_id=place.ward.id if place.ward else None,
            options=_ids(place.options),
            settled=place.placement is Placement.WARD,
        )
        if place.placement is Placement.AREA and place.area and not found.options:
            wards = _ids(wards_of_area(self.gazetteer, place.area.slug))
            return replace(found, options=wards)
        return found


def _joined(known: str, new: str) -> str:
    """A full address replaces the old one; a mere name of a ward or area is added to it."""
    if not known or not new or re.search(r"\d", new) or known in new:
        return new or known
    return known if new in known else f"{known}, {new}"


def _ids(units: Sequence[UnitRef]) -> tuple[str, ...]:
    return tuple(unit.id for unit in units)[:MOST_OPTIONS]
