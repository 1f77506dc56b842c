"""Every catalogue a process needs, loaded once at its start and handed to the services."""

from dataclasses import dataclass

from cases.casebook import Casebook, load_casebook
from cases.categories import Categories, load_categories
from cases.deadlines import Calendar, DeadlineRules, load_calendar, load_rules
from cases.faq import Faq, load_faq
from cases.gazetteer import Gazetteer, load_gazetteer
from cases.settings import Settings, load_settings
from cases.words import Words, load_words


@dataclass(frozen=True)
class Rulebook:
    """Catalogues and rules; immutable, shared by all threads of a process."""

    calendar: Calendar
    deadlines: DeadlineRules
    categories: Categories
    faq: Faq
    gazetteer: Gazetteer
    words: Words
    settings: Settings
    casebook: Casebook


def load_rulebook() -> Rulebook:
    """Read all catalogue files; raises when one is missing or malformed, which stops the start of the process."""
    return Rulebook(
        load_calendar(),
        load_rules(),
        load_categories(),
        load_faq(),
        load_gazetteer(),
        load_words(),
        load_settings(),
        load_casebook(),
    )
