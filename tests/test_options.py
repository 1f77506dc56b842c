"""A choice may be tapped, numbered or typed; nothing else ever counts as one."""

from typing import Any

import pytest

from core.model import Conversation
from core.sealed import Words
from tests.support import NOW
from webhook.options import MENU, Tap, offer, option_label, stands_alone, tap_of

SEND, EDIT, WARD = "/affirm", "/deny", '/inform{"ward": "2025:00229"}'
REPLIES = [
    {"text": "Em ghi như sau"},
    {"text": "Gửi nhé?", "buttons": [{"title": "Gửi", "payload": SEND}, {"title": "Sửa lại", "payload": EDIT}]},
    {"text": "Hay chọn phường", "buttons": [{"title": "Phường Kim Liên", "payload": WARD}]},
]
TITLES = {SEND: "Gửi", EDIT: "Sửa lại", WARD: "Phường Kim Liên"}
TURN = 0x1F


def offered(replies: list[dict[str, Any]] = REPLIES, turn: int = TURN) -> Conversation:
    _, options = offer(replies, turn)
    return Conversation(channel="zalo", user_id="u", created_at=NOW, options=options)


def message(text: str, kind: str = "text", payload: str | None = None) -> Words:
    return Words(kind, text, payload)


def test_a_link_is_no_option_and_takes_no_number() -> None:
    link = {"title": "Mẫu đơn", "payload": "https://x.example/a.docx"}
    wired, options = offer([{"text": "Đơn", "buttons": [link, *REPLIES[1]["buttons"]]}], TURN)
    assert wired[0] == [link, *({"title": o["title"], "payload": o["token"]} for o in options)]
    assert [option["token"] for option in options] == ["#1.1f", "#2.1f"]


def test_every_button_gets_a_token_of_its_turn_and_keeps_its_title() -> None:
    wired, options = offer(REPLIES, TURN)
    assert wired == [
        [],
        [{"title": "Gửi", "payload": "#1.1f"}, {"title": "Sửa lại", "payload": "#2.1f"}],
        [{"title": "Phường Kim Liên", "payload": "#3.1f"}],
    ]
    assert [(option["payload"], option["label"]) for option in options] == [
        (SEND, "affirm"), (EDIT, "deny"), (WARD, "2025:00229"),
    ]  # fmt: skip


def test_doors_of_the_menu_have_the_same_token_in_every_turn() -> None:
    replies = [{"text": "Chào", "buttons": [{"title": "Tra cứu", "payload": "/track_case"}]}]
    assert offer(replies, 1)[0] == offer(replies, 2)[0] == [[{"title": "Tra cứu", "payload": "#tra_cuu"}]]


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ("#1.1f", SEND), ("#3.1f", WARD),
        ("Gửi", SEND), ("gửi", SEND), ("GUI", SEND), ("gui.", SEND), ("sửa lại!", EDIT), ("sua lai", EDIT),
        ("phuong kim lien", WARD),
        ("1", SEND), ("2.", EDIT), ("3)", WARD), ("số 2", EDIT), ("chọn 3", WARD), ("chon so 1", SEND), (" 2 ", EDIT),
        ("#huong_dan", "/help"),
    ],
)  # fmt: skip
def test_a_choice_is_understood_by_token_title_or_number(text: str, payload: str) -> None:
    tap = tap_of(offered(), message(text))
    assert tap is not None
    assert tap.payload == payload
    assert tap.title == TITLES.get(payload)  # what the transcript shows for a bare number
    assert stands_alone(offered(), message(text))


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "4", "0", "12", "1 2", "so", "gửi đi", "gửi cho phường", "kim liên", "1 con chó", "#", "#1", "1.1f",
        "/affirm", " /affirm", "Gửi " * 40,
    ],
)  # fmt: skip
def test_other_words_are_free_words(text: str) -> None:
    assert tap_of(offered(), message(text)) is None
    assert not stands_alone(offered(), message(text))


@pytest.mark.parametrize("text", ["1", "gửi", "#", "so 1"])
def test_without_an_offer_numbers_and_titles_are_free_words(text: str) -> None:
    assert tap_of(offered([]), message(text)) is None


@pytest.mark.parametrize("old", ["#1.1e", "#2.1", "#9.ffff"])
def test_a_button_of_an_older_offer_is_known_and_means_nothing(old: str) -> None:
    assert tap_of(offered(), message(old)) == Tap(None)
    assert tap_of(offered(), message("Gửi", kind="tap", payload=old)) == Tap(None)


@pytest.mark.parametrize(("token", "payload"), MENU.items())
def test_the_doors_are_open_whatever_was_offered(token: str, payload: str) -> None:
    for conversation in (offered(), offered([])):
        assert tap_of(conversation, message(token)) == Tap(payload)


def test_the_payload_of_a_tap_goes_before_its_words() -> None:
    assert tap_of(offered(), message("Gửi", kind="tap", payload="#2.1f")) == Tap(EDIT, "Sửa lại")


@pytest.mark.parametrize("kind", ["media", "location", "sticker", "other"])
def test_a_photo_or_pin_is_never_a_choice_even_with_a_caption(kind: str) -> None:
    assert tap_of(offered(), message("1", kind=kind)) is None
    assert not stands_alone(offered(), message("1", kind=kind))


@pytest.mark.parametrize("kind", ["tap", "start"])
def test_a_tap_or_a_start_is_a_turn_of_its_own_even_when_unknown(kind: str) -> None:
    assert stands_alone(offered([]), message("?", kind=kind))


@pytest.mark.parametrize(
    ("payload", "label"),
    [
        ("/affirm", "affirm"), ('/inform{"category": "waste"}', "waste"), ('/inform{"skip": "location"}', "skip"),
        ("/inform{}", "inform"),
    ],
)  # fmt: skip
def test_the_label_of_an_option_is_its_value_or_intent(payload: str, label: str) -> None:
    assert option_label(payload) == label
