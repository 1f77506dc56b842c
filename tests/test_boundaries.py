"""Official boundaries: a pin goes to the ward whose polygon holds it; a wrong file is refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from actions.place import Location, Placer
from cases import boundaries
from cases.boundaries import BoundaryError
from cases.gazetteer import load_gazetteer

GAZETTEER = load_gazetteer()
UNITS = {unit.ref.id: unit.ref for unit in GAZETTEER.units()}
WARDS = [unit.ref for unit in GAZETTEER.units() if unit.ref.kind == "ward"]
LANG, KIM_LIEN = "2025:00199", "2025:00229"


def square(west: float, south: float, size: float = 0.01) -> list[list[list[float]]]:
    east, north = west + size, south + size
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def features(by_name: bool = False) -> list[dict[str, Any]]:
    """Every ward a square of its own, side by side."""
    return [
        {
            "type": "Feature",
            "properties": {"ten": ward.name} if by_name else {"ma_xa": ward.id[5:]},
            "geometry": {"type": "Polygon", "coordinates": square(105 + 0.02 * n, 21)},
        }
        for n, ward in enumerate(WARDS)
    ]


def written(folder: Path, listed: list[dict[str, Any]]) -> Path:
    path = folder / "wards.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": listed}), encoding="utf-8")
    return path


@pytest.mark.parametrize("by_name", [False, True])
def test_a_pin_is_in_the_ward_whose_polygon_holds_it(tmp_path: Path, by_name: bool) -> None:
    boundaries.save(boundaries.read_geojson(written(tmp_path, features(by_name)), WARDS), tmp_path)
    placer = Placer(GAZETTEER, UNITS, boundaries.load(tmp_path))
    for n, ward in enumerate(WARDS):
        found = placer.from_pin(21.005, 105.005 + 0.02 * n)
        assert (found.ward_id, found.settled, found.method) == (ward.id, True, "boundary")


def test_a_hole_and_the_land_between_are_outside_and_the_nearest_are_offered(tmp_path: Path) -> None:
    listed = features()
    listed[0]["geometry"]["coordinates"] += square(105.004, 21.004, 0.002)
    found = boundaries.read_geojson(written(tmp_path, listed), WARDS)
    assert found.ward_at(21.001, 105.001) == WARDS[0].id
    assert found.ward_at(21.005, 105.005) is None
    pin = Placer(GAZETTEER, UNITS, found).from_pin(21.013, 105.815, Location(address="cổng chợ"))
    assert (pin.ward_id, pin.settled, pin.address) == (None, False, "cổng chợ")
    assert LANG in pin.options


def test_a_ward_of_two_pieces(tmp_path: Path) -> None:
    listed = features()
    far = [square(105, 21), square(107, 20)]
    listed[0]["geometry"] = {"type": "MultiPolygon", "coordinates": far}
    found = boundaries.read_geojson(written(tmp_path, listed), WARDS)
    assert found.ward_at(20.005, 107.005) == found.ward_at(21.005, 105.005) == WARDS[0].id


def test_a_file_that_does_not_hold_every_ward_once_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoundaryError, match="1 wards are missing"):
        boundaries.read_geojson(written(tmp_path, features()[1:]), WARDS)
    with pytest.raises(BoundaryError, match="twice"):
        boundaries.read_geojson(written(tmp_path, [*features(), features()[5]]), WARDS)


@pytest.mark.parametrize("content", ["", "[]", '{"features": 3}', '{"features": [{"properties": null}]}', "\x00"])
def test_what_is_no_geojson_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BoundaryError):
        boundaries.read_geojson(path, WARDS)


def test_a_point_or_a_line_is_refused(tmp_path: Path) -> None:
    listed = features()
    listed[0]["geometry"] = {"type": "Point", "coordinates": [105, 21]}
    with pytest.raises(BoundaryError, match="Point"):
        boundaries.read_geojson(written(tmp_path, listed), WARDS)


def test_nothing_loaded_is_no_error(tmp_path: Path) -> None:
    assert boundaries.load(tmp_path) is None
