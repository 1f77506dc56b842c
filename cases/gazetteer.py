"""The places of Hà Nội, old and new, as one immutable index; loaded once at start, read by `routing` and by seeding."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bot.normalise import strip_accents
from cases.place_names import Row, cut_name, old_ward_names, outside_names, place_names, unit_names
from cases.place_types import CITY_ID, METRES_PER_DEGREE, Entry, Name, Unit, UnitRef, What

__all__ = ["Gazetteer", "Unit", "UnitRef", "load_gazetteer", "nearest_wards", "wards_of_area"]

CATALOGUE = Path(__file__).parent / "catalogue"
MAX_OPTIONS = 8


@dataclass(frozen=True)
class Gazetteer:
    """All names by their words without accents, and the unit tree. `longest`: first word -> most words of a name."""

    names: dict[tuple[str, ...], tuple[Name, ...]]
    longest: dict[str, int]
    tree: tuple[Unit, ...]
    wards_by_area: dict[str, tuple[UnitRef, ...]]
    areas_by_slug: dict[str, UnitRef]
    areas_of_ward: dict[str, tuple[UnitRef, ...]] = field(repr=False)

    def units(self) -> tuple[Unit, ...]:
        """City, 30 areas, 126 wards: parents before children, for seeding the database."""
        return self.tree


def load_gazetteer(folder: Path | None = None) -> Gazetteer:
    """Read units, legacy_wards, places, outside and place_words (.csv); a missing or malformed file raises."""
    source = folder or CATALOGUE
    units = _read(source / "units.csv")
    refs = {(row["level"], row["code"]): _ref(row) for row in units}
    tree = tuple(_unit(row, refs) for row in units)
    legacy = _read(source / "legacy_wards.csv")
    areas_of_ward = {
        ref.id: _areas_of(row, refs) for row in units if (ref := refs[row["level"], row["code"]]).kind == "ward"
    }
    words = _read(source / "place_words.csv")
    grades = {row["words"]: row["role"] for row in words}
    names = [
        *unit_names(units, refs, areas_of_ward, grades),
        *old_ward_names(legacy, refs, grades),
        *place_names(_read(source / "places.csv"), tree, grades),
        *outside_names(_read(source / "outside.csv")),
        *(Name(cut_name(row["words"]), Entry(What.NOISE)) for row in words if row["role"] == "noise"),
    ]
    index, longest = _index(names)
    areas_by_slug = {unit.ref.slug: unit.ref for unit in tree if unit.ref.kind == "area"}
    return Gazetteer(index, longest, tree, _wards_by_area(tree, legacy, refs), areas_by_slug, areas_of_ward)


def wards_of_area(gazetteer: Gazetteer, area_slug: str) -> tuple[UnitRef, ...]:
    """The wards to offer for an old district: those counted in it, then those beyond which took its people."""
    return gazetteer.wards_by_area.get(area_slug, ())


def nearest_wards(gazetteer: Gazetteer, lat: float, lon: float, limit: int = 3) -> tuple[UnitRef, ...]:
    """The wards a GPS pin may lie in, likeliest first, by distance to the centre over the ward's radius.

    Empty outside Hà Nội.
    """
    ranked = sorted(
        (_radii_away(unit, lat, lon), unit.ref.id, unit.ref) for unit in gazetteer.tree if unit.ref.kind == "ward"
    )
    if not math.isfinite(lat + lon) or ranked[0][0] > _OUTSIDE_RADII:
        return ()
    return tuple(ref for _, _, ref in ranked[:limit])


# Beyond this many radii from every centre a point lies outside the city: the centres of the 526 old communes and 207
# landmarks lie within 1.42 radii.
_OUTSIDE_RADII = 1.6


def _radii_away(unit: Unit, lat: float, lon: float) -> float:
    north = (lat - unit.lat) * METRES_PER_DEGREE / 1000
    east = (lon - unit.lon) * METRES_PER_DEGREE / 1000 * math.cos(math.radians(unit.lat))
    return math.hypot(north, east) / math.sqrt(unit.area_km2 / math.pi)


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _ref(row: Row) -> UnitRef:
    if row["level"] == "city":
        return UnitRef(CITY_ID, row["name"], row["slug"], "city")
    if row["level"] == "area":
        return UnitRef(f"legacy:{row['code']}", row["name"], row["slug"], "area")
    return UnitRef(f"2025:{row['code']}", row["name"], row["slug"], "ward")


def _unit(row: Row, refs: dict[tuple[str, str], UnitRef]) -> Unit:
    parent = {"city": None, "area": CITY_ID, "ward": f"legacy:{row['parent_code']}"}[row["level"]]
    return Unit(
        refs[row["level"], row["code"]], parent, float(row["lat"]), float(row["lon"]), float(row["area_km2"] or 0)
    )


def _areas_of(row: Row, refs: dict[tuple[str, str], UnitRef]) -> tuple[UnitRef, ...]:
    return tuple(refs["area", code] for code in [row["parent_code"], *row["also_in"].split()])


def _wards_by_area(
    tree: Iterable[Unit], legacy: Iterable[Row], refs: dict[tuple[str, str], UnitRef]
) -> dict[str, tuple[UnitRef, ...]]:
    slug_of = {ref.id: ref.slug for ref in refs.values()}
    listed: dict[str, list[UnitRef]] = defaultdict(list)
    for unit in tree:
        if unit.ref.kind == "ward" and unit.parent_id:
            listed[slug_of[unit.parent_id]].append(unit.ref)
    for row in legacy:
        area, ward = refs["area", row["area_code"]].slug, refs["ward", row["suggested_code"]]
        if ward not in listed[area] and len(listed[area]) < MAX_OPTIONS:
            listed[area].append(ward)
    return {slug: tuple(wards) for slug, wards in listed.items()}


def _index(names: Iterable[Name]) -> tuple[dict[tuple[str, ...], tuple[Name, ...]], dict[str, int]]:
    index: dict[tuple[str, ...], dict[Name, None]] = defaultdict(dict)
    longest: dict[str, int] = {}
    for name in names:
        key = tuple(strip_accents(word) for word in name.words)
        index[key][name] = None
        longest[key[0]] = max(len(key), longest.get(key[0], 0))
    return {key: tuple(found) for key, found in index.items()}, longest
