"""The administrators' pages: accounts, units, words of the city, deadlines, settings, audit log."""

from desk.admin import answers, days, home, log, people, replies, requests, settings, units

PAGES = (home, people, units, answers, replies, days, requests, settings, log)
