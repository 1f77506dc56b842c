"""What administrators and the people they invite do with links and passwords; for tests of the administration."""

import argparse
import re

from flask.testing import FlaskClient

from commands import Handler, accounts
from core.config import Config
from tests.offices import Office
from tests.pages import token_in

NEW_PASSWORD = "con-trau-xanh-uong-tra"
LINK = re.compile(r"http://localhost(/reset/[\w-]+)")


def run(config: Config, *words: str) -> None:
    """A command of manage.py on accounts."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()

    def add(name: str, handler: Handler) -> argparse.ArgumentParser:
        command = commands.add_parser(name)
        command.set_defaults(handler=handler)
        return command

    accounts.add_to(add)
    options = parser.parse_args(words)
    options.handler(config, options)


def link_in(page: str) -> str:
    found = LINK.search(page)
    assert found, page
    return found[1]


def set_password(office: Office, path: str, password: str = NEW_PASSWORD) -> tuple[int, FlaskClient]:
    client = office.visitor()
    token = token_in(client.get("/login"))
    answer = client.post(path, data={"csrf_token": token, "new": password, "again": password})
    return answer.status_code, client
