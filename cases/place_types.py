"""What the gazetteer is made of: units, names and their meanings; no behaviour, used by all modules of routing."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal

CITY_ID = "city:01"  # the unit above all others
METRES_PER_DEGREE = 111_320  # of latitude


class What(StrEnum):
    """What a name stands for. PLACE is anything with a point (market, lake); NOISE only looks like a place."""

    CITY = "city"
    AREA = "area"
    WARD = "ward"
    OLD_WARD = "old_ward"
    STREET = "street"
    PLACE = "place"
    OUTSIDE = "outside"
    NOISE = "noise"


class Grade(IntEnum):
    """How easily a name is taken for a place.

    DISTINCT even bare, NAME (also a person's) after "ở" and the like, COMMON (also an everyday word) after "phố".
    """

    COMMON = 0
    NAME = 1
    DISTINCT = 2


@dataclass(frozen=True)
class UnitRef:
    """A unit as cases and buttons name it; id "city:01", "legacy:006" (old district) or "2025:00229" (ward)."""

    id: str
    name: str
    slug: str
    kind: Literal["city", "area", "ward"]


@dataclass(frozen=True)
class Unit:
    """A node of the unit tree, with its centre."""

    ref: UnitRef
    parent_id: str | None
    lat: float
    lon: float
    area_km2: float


@dataclass(frozen=True)
class Entry:
    """One meaning of a name. `settled`: the first of `wards` is certain enough to place a case unasked.

    `weak`: a street or place known from one source only; a ward of the same name is meant rather.
    """

    what: What
    areas: tuple[UnitRef, ...] = ()
    wards: tuple[UnitRef, ...] = ()
    settled: bool = False
    grade: Grade = Grade.DISTINCT
    unit_word: str = ""
    weak: bool = False


@dataclass(frozen=True)
class Name:
    """A written form of an entry, folded and cut into words. `needs_marks`: without them it reads as other words."""

    words: tuple[str, ...]
    entry: Entry
    needs_marks: bool = False
