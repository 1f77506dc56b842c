"""Tests of Tiếp Dân; tests/bot/ runs in .venv-bot, everything else in .venv."""
