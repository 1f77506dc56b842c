"""What an administrator may set on the desk, from `catalogue/settings.yml`; the values in force are in the rulebook."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Settings:
    """The values; what each is for stands in the catalogue, beside the words people read."""

    shortest_password: int
    factor_for_administrators: bool
    incident_reports: int
    incident_hours: int
    incident_joins_hours: int
    public_pages: bool
    small_number: int
    public_requests_per_minute: int


@dataclass(frozen=True)
class Setting:
    """One entry of the catalogue; `least` and `most` are None for a switch."""

    name: str
    value: int | bool
    label: str
    help: str
    least: int | None = None
    most: int | None = None

    @property
    def is_switch(self) -> bool:
        return isinstance(self.value, bool)

    def takes(self, value: object) -> bool:
        """Whether this may be its value."""
        if self.is_switch:
            return isinstance(value, bool)
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


def load_catalogue(folder: Path | None = None) -> Mapping[str, Setting]:
    """Every setting by name, in the order of the page; an unknown or missing field stops the start."""
    path = (folder or Path(__file__).with_name("catalogue")) / "settings.yml"
    entries: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))
    return {name: Setting(name=name, **fields) for name, fields in entries.items()}


def load_settings(folder: Path | None = None) -> Settings:
    """The values as delivered."""
    values: dict[str, Any] = {name: setting.value for name, setting in load_catalogue(folder).items()}
    return Settings(**values)


def with_kept(base: Settings, catalogue: Mapping[str, Setting], kept: Mapping[str, Mapping[str, Any]]) -> Settings:
    """The values with those the city keeps; what the catalogue does not know or does not allow is left aside."""
    chosen = {name: data.get("value") for name, data in kept.items()}
    fitting: dict[str, Any] = {
        name: value for name, value in chosen.items() if name in catalogue and catalogue[name].takes(value)
    }
    return replace(base, **fitting)
