"""The contract every channel keeps when it sends: over a real local server, with the faults of each platform."""

import logging
from typing import Any

import pytest

from cases.windows import Route
from simulator import graph_rules, zalo_rules
from tests.channels import CITIZEN, SECRET_TEXT, ChannelCase, buttons_of, outgoing
from tests.fakes import FakePlatform, Reply
from webhook.channels.base import (
    Blocked,
    Button,
    Channel,
    ChannelBusy,
    ChannelError,
    ChannelMisconfigured,
    ChannelUnavailable,
    MessageRefused,
    RecipientUnreachable,
    TokenRejected,
    WindowClosed,
)
from webhook.channels.parts import numbered, split

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def test_a_message_is_sent_and_its_id_returned(
    case: ChannelCase, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    sent = channels[case.name].send(outgoing())
    (call,) = platform.calls_to(case.send_path)
    assert sent is not None
    assert sent.startswith("sent-")
    assert call.json["message"]["text"] == SECRET_TEXT
    assert call.json["recipient"] in ({"user_id": CITIZEN}, {"id": CITIZEN})
    if case.name == "zalo":
        assert call.headers["access_token"] == "access-1"
        assert call.json == {"recipient": {"user_id": CITIZEN}, "message": {"text": SECRET_TEXT}}
    else:
        assert call.headers["Authorization"] == "Bearer demo-messenger-page-token"
        assert call.json["messaging_type"] == "RESPONSE"


FAULTS: list[tuple[str, Reply, type[ChannelError], str]] = [
    ("a time-out", Reply({}, delay=0.6), ChannelUnavailable, "timeout"),
    ("a cut connection", Reply({}, cut=True), ChannelUnavailable, "connection"),
    ("429", Reply(b"slow down", 429), ChannelBusy, "http_429"),
    ("500", Reply(b"<html>", 500), ChannelUnavailable, "http_500"),
    ("503 with JSON", Reply({}, 503), ChannelUnavailable, "http_503"),
    ("400", Reply(b"no", 400), MessageRefused, "http_400"),
    ("404", Reply({}, 404), MessageRefused, "http_404"),
    ("a redirect", Reply(b"", 302), ChannelUnavailable, "http_302"),
    ("no JSON in a 200", Reply(b"OK"), ChannelUnavailable, "bad_json"),
    ("a list in a 200", Reply([]), ChannelUnavailable, "bad_json"),
]


@pytest.mark.parametrize(("reply", "kind", "code"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_of_the_platform_says_itself_whether_to_try_again(
    case: ChannelCase,
    reply: Reply,
    kind: type[ChannelError],
    code: str,
    channels: dict[str, Channel],
    platform: FakePlatform,
) -> None:
    platform.script(case.send_path, reply)
    with pytest.raises(ChannelError) as caught:
        channels[case.name].send(outgoing())
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(platform.calls_to(case.send_path)) == 1


def test_a_redirect_does_not_carry_the_message_elsewhere(
    case: ChannelCase, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    platform.script(case.send_path, Reply(b"", 307, location=f"{platform.url}/elsewhere"))
    with pytest.raises(ChannelUnavailable, match="http_307"):
        channels[case.name].send(outgoing())
    assert platform.calls_to("/elsewhere") == []


def test_the_platforms_own_error_codes_have_the_same_meaning_everywhere(
    case: ChannelCase, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    for reply, kind, retry in (
        (case.rate_limit, ChannelBusy, True),
        (case.refused, MessageRefused, False),
        (case.unreachable, RecipientUnreachable, False),
    ):
        platform.script(case.send_path, reply)
        with pytest.raises(kind) as caught:
            channels[case.name].send(outgoing())
        assert caught.value.retry is retry


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-32, ChannelBusy),
        (-200, ChannelUnavailable),
        (-204, ChannelMisconfigured),
        (-210, MessageRefused),
        (-213, Blocked),
        (-224, ChannelMisconfigured),
        (-227, RecipientUnreachable),
        (-232, WindowClosed),
        (-244, Blocked),
        (-9999, MessageRefused),
        ("-230", WindowClosed),
    ],
)
def test_an_error_inside_a_200_of_zalo_is_an_error(
    code: Any, kind: type[ChannelError], channels: dict[str, Channel], platform: FakePlatform
) -> None:
    platform.script("/message/cs", Reply({"error": code, "message": "số điện thoại 0912345678"}))
    with pytest.raises(ChannelError) as caught:
        channels["zalo"].send(outgoing())
    assert (type(caught.value), caught.value.code) == (kind, f"zalo_{code}")


@pytest.mark.parametrize(
    ("status", "code", "subcode", "kind"),
    [
        (400, 4, None, ChannelBusy),
        (400, 32, None, ChannelBusy),
        (400, 80006, None, ChannelBusy),
        (500, 1, None, ChannelUnavailable),
        (500, 2, None, ChannelUnavailable),
        (500, 1200, None, ChannelUnavailable),
        (500, 1, 1357046, MessageRefused),
        (401, 190, 463, TokenRejected),
        (400, 10, 2018278, WindowClosed),
        (400, 10, None, ChannelMisconfigured),
        (400, 100, 2018001, RecipientUnreachable),
        (400, 100, None, MessageRefused),
        (400, 200, 1545041, RecipientUnreachable),
        (400, 200, None, ChannelMisconfigured),
        (500, 9999, None, ChannelUnavailable),
        (400, 9999, None, MessageRefused),
    ],
)
def test_messenger_errors_are_read_as_integers(
    status: int,
    code: int,
    subcode: int | None,
    kind: type[ChannelError],
    channels: dict[str, Channel],
    platform: FakePlatform,
) -> None:
    error = {"message": "(#10) 100 190", "code": code} | ({} if subcode is None else {"error_subcode": subcode})
    platform.script("/messages", Reply({"error": error}, status))
    with pytest.raises(ChannelError) as caught:
        channels["messenger"].send(outgoing())
    assert type(caught.value) is kind


def test_long_text_goes_in_parts_with_the_buttons_on_the_last(
    case: ChannelCase, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    sentence = "Đoạn đường này ngập đã ba ngày nay. "
    sent = channels[case.name].send(outgoing(sentence * 120, buttons=buttons_of(2)))
    calls = [call.json["message"] for call in platform.calls_to(case.send_path)]
    assert len(calls) > 1
    assert all(len(call["text"]) <= 1900 and call["text"].endswith("nay.") for call in calls)
    assert " ".join(call["text"] for call in calls) == (sentence * 120).strip()
    assert ["attachment" in call or "quick_replies" in call for call in calls] == [False] * (len(calls) - 1) + [True]
    assert sent == f"sent-{len(platform.calls)}"


def test_zalo_buttons_are_hidden_queries(channels: dict[str, Channel], platform: FakePlatform) -> None:
    channels["zalo"].send(outgoing(buttons=(Button("Gửi", "#1.k3f9a"), Button("Sửa lại", "#2.k3f9a"))))
    (call,) = platform.calls_to("/message/cs")
    assert call.json["message"]["attachment"] == {
        "type": "template",
        "payload": {
            "buttons": [
                {"title": "Gửi", "type": "oa.query.hide", "payload": "#1.k3f9a"},
                {"title": "Sửa lại", "type": "oa.query.hide", "payload": "#2.k3f9a"},
            ]
        },
    }


@pytest.mark.parametrize("code", [-201, -233])
def test_where_zalo_takes_no_buttons_the_choice_is_numbered(
    code: int, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    platform.script("/message/cs", Reply({"error": code, "message": "buttons is invalid"}))
    assert channels["zalo"].send(outgoing("Gửi chưa?", buttons=(Button("Gửi", "#1.a"), Button("Sửa lại", "#2.a"))))
    last = platform.calls_to("/message/cs")[-1].json["message"]
    assert last == {"text": "Gửi chưa?\n\n1. Gửi\n2. Sửa lại"}


def test_a_wrong_zalo_user_is_refused_with_or_without_buttons(
    channels: dict[str, Channel], platform: FakePlatform
) -> None:
    refused = Reply({"error": -201, "message": "user_id is invalid"})
    platform.script("/message/cs", refused, refused)
    with pytest.raises(MessageRefused):
        channels["zalo"].send(outgoing(buttons=buttons_of(2)))


@pytest.mark.parametrize(
    ("name", "buttons"),
    [
        ("zalo", buttons_of(6)),
        ("zalo", buttons_of(2, "x" * 100)),
        ("messenger", buttons_of(14)),
        ("messenger", (Button("A", "p" * 1001),)),
    ],
)
def test_buttons_that_do_not_fit_become_numbered_lines(
    name: str, buttons: tuple[Button, ...], channels: dict[str, Channel], platform: FakePlatform
) -> None:
    channels[name].send(outgoing("Chọn:", buttons=buttons))
    message = platform.calls[-1].json["message"]
    assert message["text"] == numbered("Chọn:", buttons)
    assert "attachment" not in message
    assert "quick_replies" not in message


LINK = Button("Mẫu đơn tố cáo", "https://tiepdan.example/letters/don-to-cao.docx")


def test_a_link_is_opened_and_not_answered_on_each_platform(
    channels: dict[str, Channel], platform: FakePlatform
) -> None:
    for name in ("zalo", "messenger"):
        channels[name].send(outgoing("Đơn", buttons=(LINK, Button("Gửi", "#1.a"))))
    zalo, messenger = (call.json["message"] for call in platform.calls[-2:])
    assert zalo["attachment"]["payload"]["buttons"] == [
        {"title": LINK.title, "type": "oa.open.url", "payload": {"url": LINK.payload}},
        {"title": "Gửi", "type": "oa.query.hide", "payload": "#1.a"},
    ]
    assert messenger["attachment"]["payload"] == {
        "template_type": "button",
        "text": "Đơn",
        "buttons": [{"type": "web_url", "url": LINK.payload, "title": LINK.title}],
    }
    assert [reply["payload"] for reply in messenger["quick_replies"]] == ["#1.a"]
    shown = zalo_rules.read_content({"message": zalo}, lambda _: None).buttons
    assert [(button.kind, button.value) for button in shown] == [("url", LINK.payload), ("query_hide", "#1.a")]
    assert graph_rules.read_content({"message": messenger}, {}).buttons[0].value == LINK.payload


def test_where_no_link_can_be_shown_its_address_is_written_out() -> None:
    buttons = (LINK, Button("Gửi", "#1.a"), Button("Sửa", "#2.a"))
    assert numbered("Đơn", buttons) == f"Đơn\n\n{LINK.title}: {LINK.payload}\n1. Gửi\n2. Sửa"


def test_messenger_titles_are_cut_after_composition(channels: dict[str, Channel], platform: FakePlatform) -> None:
    decomposed = "Co\u0302\u0309ng di\u0323ch vu\u0323 co\u0302ng"  # 17 code points when composed
    channels["messenger"].send(
        outgoing(buttons=(Button(decomposed, "#1.a"), Button("Thoát nước, ngập úng và cống", "#2.a")))
    )
    replies = platform.calls[-1].json["message"]["quick_replies"]
    assert [reply["title"] for reply in replies] == ["Cổng dịch vụ công", "Thoát nước, ngập ún…"]
    assert [reply["payload"] for reply in replies] == ["#1.a", "#2.a"]
    assert all(len(reply["title"]) <= 20 for reply in replies)


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (Route.REPLY, {"messaging_type": "RESPONSE"}),
        (Route.HUMAN_AGENT, {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}),
    ],
)
def test_messenger_is_told_the_permission_that_was_planned(
    route: Route, expected: dict[str, str], channels: dict[str, Channel], platform: FakePlatform
) -> None:
    """When which permission holds is tests/test_windows.py; the channel decides nothing again."""
    channels["messenger"].send(outgoing(author="officer", route=route))
    sent = platform.calls[-1].json
    assert {name: sent[name] for name in ("messaging_type", "tag") if name in sent} == expected


def test_neither_secrets_nor_text_reach_logs_or_errors(
    case: ChannelCase, channels: dict[str, Channel], platform: FakePlatform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    faults = [Reply({"error": {"code": 190, "message": SECRET_TEXT}, "message": SECRET_TEXT}, 400), case.refused]
    platform.script(case.send_path, *faults, Reply(SECRET_TEXT.encode(), 500), Reply({}, cut=True))
    said = repr(outgoing(buttons=buttons_of(2, SECRET_TEXT)))
    for _ in range(5):
        try:
            channels[case.name].send(outgoing())
        except ChannelError as error:
            said += repr(error) + repr(error.__context__ if not error.__suppress_context__ else None)
    channels[case.name].verify(case.raw(), {case.signature: "sha256=" + case.secret})
    said += "".join(str(record.__dict__) for record in caplog.records)
    for secret in (SECRET_TEXT, "0912345678", case.secret, "access-1", "refresh-1", "demo-messenger-page-token"):
        assert secret not in said


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("", 10, []),
        ("  \n ", 10, []),
        ("ngắn", 10, ["ngắn"]),
        ("Một hai. Ba bốn.", 10, ["Một hai.", "Ba bốn."]),
        ("một hai ba bốn", 8, ["một hai", "ba bốn"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("A. " + "x" * 8, 10, ["A. " + "x" * 7, "x"]),
    ],
)
def test_text_is_cut_at_the_end_of_a_sentence_or_word(text: str, limit: int, parts: list[str]) -> None:
    assert split(text, limit) == parts
