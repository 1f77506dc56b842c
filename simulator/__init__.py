"""Plays Zalo's and Facebook's servers for people and for tests, over HTTP only."""
