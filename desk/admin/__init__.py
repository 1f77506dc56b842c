"""The administrators' pages: accounts, units, words of the city, deadlines, settings, audit log."""

from desk.admin import answers, days, home, log, people, settings, units

PAGES = (home, people, units, answers, days, settings, log)
