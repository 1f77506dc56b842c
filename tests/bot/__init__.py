"""Tests of the Rasa side: `.venv-bot/bin/python -m unittest discover -s tests/bot -t .`"""
