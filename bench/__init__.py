"""Figures: how well the project understands and how fast it is; run by make evaluate and make bench."""
