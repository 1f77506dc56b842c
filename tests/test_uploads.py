"""What officers upload is looked at by the city's scanner before it is kept or sent: HTTP in, files and rows out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from desk.app import create_app
from tests.casework import GOOD, close, picture
from tests.clamd import EICAR, clamd, verdict
from tests.desk import Desk, move
from tests.support import FakeChannel
from tests.test_enclosing import PDF, citizen_wrote, deliver, reply, rows

INFECTED = PDF + EICAR
NOBODY = "127.0.0.1:1"  # where no scanner listens
Send = Callable[[FlaskClient, str, bytes], TestResponse]


def as_proof(client: FlaskClient, code: str, data: bytes) -> TestResponse:
    return close(client, code, 1, GOOD, picture(), data)


def as_enclosure(client: FlaskClient, code: str, data: bytes) -> TestResponse:
    return reply(client, code, data)


BOTH_WAYS = pytest.mark.parametrize("send", [as_proof, as_enclosure])


def looked_at_by(desk: Desk, address: str) -> Desk:
    config = replace(desk.config, clamd=address)
    return replace(desk, config=config, app=create_app(config, desk.database, desk.rulebook, desk.clock))


@contextmanager
def scanned(desk: Desk, answer: Callable[[bytes], bytes] = verdict) -> Iterator[tuple[Desk, list[bytes]]]:
    """The desk with a scanner, and what the scanner was shown."""
    shown: list[bytes] = []

    def look(data: bytes) -> bytes:
        shown.append(data)
        return answer(data)

    with clamd(look) as address:
        yield looked_at_by(desk, address), shown


def kept(desk: Desk) -> list[str]:
    folders = (desk.config.var_dir / name for name in ("proofs", "outgoing"))
    return [path.name for folder in folders if folder.exists() for path in folder.iterdir()]


def nothing_happened(desk: Desk, code: str) -> bool:
    return (desk.events(code), rows(desk), kept(desk)) == (["opened"], [], [])


@BOTH_WAYS
def test_malware_of_an_officer_is_kept_or_sent(desk: Desk, send: Send) -> None:
    code = desk.file()
    with scanned(desk) as (desk, shown):
        answer = send(desk.log_in("dongda"), code, INFECTED)
    assert (answer.status_code, shown[-1]) == (422, INFECTED)
    assert "có mã độc, nên chưa có gì được lưu hay gửi đi" in answer.text
    assert nothing_happened(desk, code)


@BOTH_WAYS
def test_a_file_slips_through_while_the_scanner_is_away(desk: Desk, send: Send) -> None:
    code = desk.file()
    desk = looked_at_by(desk, NOBODY)
    answer = send(desk.log_in("dongda"), code, PDF)
    assert answer.status_code == 422
    assert "Máy quét virus chưa trả lời" in answer.text
    assert GOOD in answer.text or "biên bản kiểm tra" in answer.text  # what was typed is still there
    assert nothing_happened(desk, code)


def test_a_scanner_that_gives_no_verdict_lets_a_file_through(desk: Desk) -> None:
    code = desk.file()
    with scanned(desk, lambda _: b"INSTREAM size limit exceeded. ERROR\0") as (desk, _):
        answer = as_enclosure(desk.log_in("dongda"), code, PDF)
    assert "Máy quét virus chưa trả lời" in answer.text
    assert nothing_happened(desk, code)


def test_a_clean_file_is_looked_at_as_it_came_and_goes_its_way(desk: Desk) -> None:
    replied, closed, photo = desk.file(), desk.file(), picture()
    with scanned(desk) as (desk, shown):
        client = desk.log_in("dongda")
        citizen_wrote(desk, replied, minutes=5)
        assert as_enclosure(client, replied, PDF).status_code == 302
        as_proof(client, closed, photo)
    assert shown == [PDF, picture(), photo]
    assert len(kept(desk)) == 3
    desk.clock.advance(seconds=11)
    channel: FakeChannel = deliver(desk)
    assert [sent.file is not None for sent in channel.sent][:2] == [False, True]


def test_without_a_file_nobody_is_asked_and_what_is_too_large_is_said_before(desk: Desk) -> None:
    code = desk.file()
    desk = looked_at_by(desk, NOBODY)
    client = desk.log_in("dongda")
    large = as_enclosure(client, code, PDF + bytes(11 * 1024 * 1024))
    assert "Tệp lớn quá 10 MB" in large.text
    assert move(client, code, "reply", 1, "Tổ vệ sinh sẽ dọn trong chiều nay.").status_code == 302
    assert move(client, code, "resolve", 2, GOOD).status_code == 302
    assert desk.case(code).status == "resolved"
