"""What administrators and the people they invite do with links and passwords; for tests of the administration."""

import re

from flask.testing import FlaskClient

from tests.offices import Office
from tests.pages import token_in

NEW_PASSWORD = "con-trau-xanh-uong-tra"
LINK = re.compile(r"http://localhost(/reset/[\w-]+)")


def link_in(page: str) -> str:
    found = LINK.search(page)
    assert found, page
    return found[1]


def set_password(office: Office, path: str, password: str = NEW_PASSWORD) -> tuple[int, FlaskClient]:
    client = office.visitor()
    token = token_in(client.get("/login"))
    answer = client.post(path, data={"csrf_token": token, "new": password, "again": password})
    return answer.status_code, client
