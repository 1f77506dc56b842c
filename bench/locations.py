"""Figures of locations.jsonl: what the bot makes of the place in each text; called by `bench.evaluate`.

The matcher is asked as the report form asks it (`actions.place`), so that "asked" means the options a citizen sees.
"""

import csv
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from actions.place import Location, Placer
from bench.figures import Figure, Number, Share, quantile, read_lines, share
from bot.normalise import decode_keystrokes, fold, fold_plain
from cases.gazetteer import CATALOGUE

NOT_PLACED = frozenset({"outside_hanoi", "not_a_place"})


@dataclass(frozen=True)
class Item:
    """One text: the districts that are right (none: it must not be placed) and the ward when it is scored."""

    text: str
    districts: frozenset[str]
    ward: str | None
    old_ward: str | None
    kind: str
    styles: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What the bot would do: the ward and district taken, the wards and districts offered, or that it lies outside."""

    ward: str | None
    district: str | None
    options: tuple[str, ...]  # wards
    districts: frozenset[str]  # offered, or those of the wards offered
    outside: bool
    milliseconds: float

    @property
    def asks(self) -> bool:
        return self.ward is None and (bool(self.options) or bool(self.districts))

    @property
    def placed(self) -> bool:
        return self.ward is not None or self.district is not None


def read_items(path: Path) -> list[Item]:
    """The texts of a file; raises ValueError naming the line that is not as `evaluation.md` says."""
    return read_lines(path, _item)


def finder(placer: Placer) -> Callable[[str], Found]:
    """Asks the matcher about one text."""

    def find(text: str) -> Found:
        start = time.perf_counter()
        location = placer.from_words(text)
        return _found(placer, location, 1000 * (time.perf_counter() - start))

    return find


def figures(items: Sequence[Item], answers: Sequence[Found]) -> list[Figure]:
    """All figures of the file, in the order of `evaluation.md`."""
    pairs = list(zip(items, answers, strict=True))
    found = list(_parts("locations", pairs))
    for kind, part in _grouped(pairs, lambda item: [item.kind]):
        found += _parts(f"locations.kind.{kind}", part)
    for style, part in _grouped(pairs, lambda item: item.styles):
        found += _parts(f"locations.style.{style}", part)
    times = [answer.milliseconds for answer in answers]
    median, p99 = quantile(times, 0.5), quantile(times, 0.99)
    return [*found, Number("locations.ms_median", median), Number("locations.ms_p99", p99)]


def mistakes(items: Sequence[Item], answers: Sequence[Found]) -> list[tuple[Item, Found]]:
    """The texts whose district or ward is not right."""
    return [(i, a) for i, a in zip(items, answers, strict=True) if not (_district_right(i, a) and _ward_right(i, a))]


def _parts(name: str, pairs: Sequence[tuple[Item, Found]]) -> list[Share]:
    districts = [(i, a) for i, a in pairs if i.districts]
    wards = [(i, a) for i, a in pairs if i.ward]
    named = [(i, a) for i, a in wards if i.kind in {"new_ward", "old_ward", "full_address"} and _names_ward(i)]
    found = [
        share(f"{name}.district_right", (_district_right(i, a) for i, a in districts)),
        share(f"{name}.ward_resolved_right", (_same(a.ward, i.ward) for i, a in wards)),
        share(f"{name}.ward_asked_right", (_asked_with(a, i.ward) for i, a in wards)),
        share(f"{name}.ward_right", (_ward_right(i, a) for i, a in wards)),
        share(f"{name}.ward_wrong", (a.ward is not None and not _same(a.ward, i.ward) for i, a in wards)),
        share(f"{name}.named_ward_resolved", (_same(a.ward, i.ward) for i, a in named)),
        share(f"{name}.wrongly_placed", (a.placed or a.asks for i, a in pairs if i.kind in NOT_PLACED)),
        share(f"{name}.outside_said", (a.outside for i, a in pairs if i.kind == "outside_hanoi")),
        share(f"{name}.ambiguous_asked", (a.asks for i, a in pairs if i.kind == "ambiguous")),
    ]
    return [figure for figure in found if figure.n]


def _district_right(item: Item, found: Found) -> bool:
    if not item.districts:
        return found.outside if item.kind == "outside_hanoi" else not found.placed
    if found.district in item.districts:
        return True
    return found.asks and not item.districts.isdisjoint(found.districts)


def _ward_right(item: Item, found: Found) -> bool:
    return item.ward is None or _same(found.ward, item.ward) or _asked_with(found, item.ward)


def _asked_with(found: Found, ward: str | None) -> bool:
    return found.ward is None and any(_same(option, ward) for option in found.options)


def _names_ward(item: Item) -> bool:
    """Whether the text says the name of its ward, a new one or an old one that was not divided; by its bare letters."""
    said, old = _bare(item.text), item.old_ward
    names = (item.ward, old if old and fold(old) in _undivided() else None)
    return any(_bare(name).split(" ", 1)[-1] in said for name in names if name)


@cache
def _undivided() -> frozenset[str]:
    """Old wards all of whose namesakes went whole to one ward."""
    with (CATALOGUE / "legacy_wards.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    divided = {fold(row["name"]) for row in rows if row["basis"] != "only_target"}
    return frozenset(fold(row["name"]) for row in rows) - divided


def _bare(text: str) -> str:
    return fold_plain(decode_keystrokes(text))


def _same(name: str | None, other: str | None) -> bool:
    return name is not None and other is not None and fold(name) == fold(other)


def _grouped(
    pairs: Sequence[tuple[Item, Found]], keys: Callable[[Item], Iterable[str]]
) -> list[tuple[str, list[tuple[Item, Found]]]]:
    names = sorted({key for item, _ in pairs for key in keys(item)})
    return [(name, [(i, a) for i, a in pairs if name in keys(i)]) for name in names]


def _item(written: dict[str, Any]) -> Item:
    text, district = written["text"], written["district"]
    if not isinstance(text, str):
        raise TypeError("text is no string")
    districts = frozenset([district] if isinstance(district, str) else district or ())
    styles = tuple(written.get("style") or ())
    return Item(text, districts, written.get("ward"), written.get("old_ward"), written["kind"], styles)


def _found(placer: Placer, location: Location | None, milliseconds: float) -> Found:
    if location is None or location.outside:
        return Found(None, None, (), frozenset(), location is not None, milliseconds)
    units = placer.units
    options = [units[unit_id] for unit_id in location.options]
    wards = tuple(unit.name for unit in options if unit.kind == "ward")
    offered = {unit.slug for unit in options if unit.kind == "area"}
    offered |= {
        area.slug for unit in options if unit.kind == "ward" for area in placer.gazetteer.areas_of_ward[unit.id]
    }
    return Found(
        ward=units[location.ward_id].name if location.ward_id else None,
        district=units[location.area_id].slug if location.area_id else None,
        options=wards,
        districts=frozenset(offered),
        outside=False,
        milliseconds=milliseconds,
    )
