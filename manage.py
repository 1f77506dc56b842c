"""The administrator's command line: run, migrate, seed, accounts, queues, and the doors for tests from outside."""

import argparse
import os
import sys
from collections.abc import Sequence

from cases.boundaries import BoundaryError
from cases.demo import UnknownValueError
from cases.officers import OfficerError
from commands import Handler, accounts, casework, messages, start
from core.config import ConfigError, has_real_channels, load_config


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if not has_real_channels():
            os.environ.setdefault("TIEPDAN_DEMO", "1")
        config = load_config()
        return int(options.handler(config, options) or 0)
    except (ConfigError, OfficerError, UnknownValueError, BoundaryError) as error:
        print(f"manage.py: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, handler: Handler) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=handler.__doc__)
        command.set_defaults(handler=handler)
        return command

    for subject in (start, accounts, casework, messages):
        subject.add_to(add)
    return parser


if __name__ == "__main__":
    sys.exit(main())
