"""Official ward boundaries, when the administrator has loaded them: which ward a pin lies in; read by the actions.

`manage.py load-boundaries FILE` reads GeoJSON (RFC 7946: longitude before latitude) and keeps what is needed in
VAR_DIR/boundaries.json. Every host that runs an action server needs the file.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bot.normalise import fold
from cases.gazetteer import UnitRef

FILE = "boundaries.json"
Ring = Sequence[Sequence[float]]  # (lon, lat) points, degrees
Polygon = Sequence[Ring]  # the outer ring, then holes


class BoundaryError(Exception):
    """The file is no GeoJSON of wards; the message says what is wrong, in English for the command line."""


@dataclass(frozen=True)
class Boundaries:
    """Polygons by ward id, each ward with the box around it (west, south, east, north)."""

    wards: Mapping[str, tuple[Polygon, ...]]
    boxes: Mapping[str, tuple[float, float, float, float]]

    @classmethod
    def of(cls, wards: Mapping[str, Sequence[Polygon]]) -> "Boundaries":
        return cls(
            {ward: tuple(polygons) for ward, polygons in wards.items()},
            {ward: _box(polygons) for ward, polygons in wards.items()},
        )

    def ward_at(self, lat: float, lon: float) -> str | None:
        """The id of the ward a point lies in, or None."""
        for ward, (west, south, east, north) in self.boxes.items():
            if west <= lon <= east and south <= lat <= north:
                if any(_inside(polygon, lon, lat) for polygon in self.wards[ward]):
                    return ward
        return None


def read_geojson(path: Path, wards: Sequence[UnitRef]) -> Boundaries:
    """The polygons of the wards given, found by code ("00229") or full name in the features' properties.

    Raises BoundaryError when the file is no FeatureCollection, a geometry is malformed or a ward is missing or twice.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        features = content["features"]
        found: dict[str, Sequence[Polygon]] = {}
        by_name = {key: ward.id for ward in wards for key in (ward.id.partition(":")[2], fold(ward.name))}
        for feature in features:
            ward = _ward_of(feature["properties"] or {}, by_name)
            if ward in found:
                raise BoundaryError(f"{ward} occurs twice")
            if ward:
                found[ward] = list(_polygons(feature["geometry"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BoundaryError(f"not a GeoJSON FeatureCollection of polygons: {type(error).__name__}: {error}") from error
    missing = [ward.name for ward in wards if ward.id not in found]
    if missing:
        raise BoundaryError(f"{len(missing)} wards are missing, e.g. {', '.join(missing[:3])}")
    return Boundaries.of(found)


def save(boundaries: Boundaries, var_dir: Path) -> None:
    """Replaces the file at once, so that a reader sees the old one or the new one."""
    target = var_dir / FILE
    fresh = target.with_suffix(".new")
    fresh.write_text(json.dumps(boundaries.wards), encoding="utf-8")
    os.replace(fresh, target)


def load(var_dir: Path) -> Boundaries | None:
    """What was saved, or None when nothing was."""
    try:
        return Boundaries.of(json.loads((var_dir / FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _ward_of(properties: Mapping[str, Any], by_name: Mapping[str, str]) -> str | None:
    for value in properties.values():
        written = fold(str(value)).strip()
        ward = by_name.get(written) or (by_name.get(written.zfill(5)) if written.isdigit() else None)
        if ward:
            return ward
    return None


def _polygons(geometry: Mapping[str, Any]) -> Iterator[Polygon]:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"a geometry of type {kind}")
    for polygon in [coordinates] if kind == "Polygon" else coordinates:
        rings = [[(round(float(point[0]), 6), round(float(point[1]), 6)) for point in ring] for ring in polygon]
        if not rings or any(len(ring) < 4 for ring in rings):
            raise ValueError("a ring of fewer than four points")
        yield rings


def _box(polygons: Sequence[Polygon]) -> tuple[float, float, float, float]:
    points = [point for polygon in polygons for point in polygon[0]]
    lons, lats = [point[0] for point in points], [point[1] for point in points]
    return min(lons), min(lats), max(lons), max(lats)


def _inside(polygon: Polygon, lon: float, lat: float) -> bool:
    """Even-odd rule over all rings, so that a hole is outside."""
    crossings = 0
    for ring in polygon:
        for (x1, y1), (x2, y2) in pairwise(ring):
            if (y1 > lat) != (y2 > lat) and lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1:
                crossings += 1
    return crossings % 2 == 1
