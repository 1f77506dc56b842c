"""What `manage.py` can be told to do, by subject; each module adds its commands to the parser."""

import argparse
from collections.abc import Callable

from core.config import Config

type Handler = Callable[[Config, argparse.Namespace], int | None]  # returns the exit status, None for 0
type Add = Callable[[str, Handler], argparse.ArgumentParser]  # makes a command whose help is the handler's docstring
