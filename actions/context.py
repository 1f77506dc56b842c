"""What every action needs, built once by the action server and handed over: settings, database, catalogues, clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from actions.place import Placer
from actions.reader import Reader
from cases.faq import Faq
from cases.gazetteer import UnitRef
from cases.in_force import RulebookInForce
from cases.rulebook import Rulebook
from core.config import Config
from core.db import Database, reading


@dataclass(frozen=True)
class Context:
    """`units` maps unit id to unit, `parents` ward id to the id of its district area; `clock` gives aware UTC."""

    config: Config
    database: Database
    rulebook: Rulebook
    placer: Placer
    reader: Reader
    units: Mapping[str, UnitRef]
    parents: Mapping[str, str]
    clock: Callable[[], datetime]

    @cached_property
    def in_force(self) -> RulebookInForce:
        """The rulebook with what the city has changed since the start."""
        return RulebookInForce(self.rulebook)

    def faq(self) -> Faq:
        """The answers as administrators keep them at this moment."""
        with reading(self.database) as session:
            return self.in_force.at(session).faq
