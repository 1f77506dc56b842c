"""What every action needs, built once by the action server and handed over: settings, database, catalogues, clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from actions.place import Placer
from cases.gazetteer import UnitRef
from cases.rulebook import Rulebook
from core.config import Config
from core.db import Database


@dataclass(frozen=True)
class Context:
    """`units` maps unit id to unit, `parents` ward id to the id of its district area; `clock` gives aware UTC."""

    config: Config
    database: Database
    rulebook: Rulebook
    placer: Placer
    units: Mapping[str, UnitRef]
    parents: Mapping[str, str]
    clock: Callable[[], datetime]
