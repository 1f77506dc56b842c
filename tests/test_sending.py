"""What goes out besides plain words, through our channels to the simulator: files, forms, templates, profile, pace."""

import io
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler

import manage
from cases.rulebook import Rulebook
from core import arrivals, enclosure, outbox
from core.config import DEMO_SETTINGS, Config, load_config
from core.db import Base, Database, open_database, reading, transaction
from core.enclosure import EnclosureError
from core.events import InboundEvent
from core.model import Conversation, Outbound
from core.vault import Vault
from simulator.app import create_app
from simulator.settings import Settings, read_settings
from tests.fakes import FakePlatform, Reply
from tests.pages import served
from tests.stack import until
from tests.support import VAULT, FakeChannel
from webhook.channels import build_channels, build_paces
from webhook.channels.base import (
    Button,
    Channel,
    ChannelMisconfigured,
    ContactRequest,
    File,
    MessageRefused,
    Notice,
    Outgoing,
)
from webhook.channels.messenger_profile import build_profile
from webhook.deliver import Deliverer, Means
from webhook.options import MENU
from webhook.pace import Pace
from webhook.typing import Typing

USERS = {"zalo": "6093184725501938472", "messenger": "7719203846550192"}
PDF = File("Thu tra loi.pdf", "application/pdf", b"%PDF-1.7 ...")


def picture() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (40, 30), "#336699").save(output, "JPEG")
    return output.getvalue()


@dataclass
class City:
    """Both channels, talking to a simulator that runs on a port of this machine."""

    config: Config
    database: Database
    simulator: FlaskClient

    @property
    def channels(self) -> Mapping[str, Channel]:
        return build_channels(self.config, self.database, Vault(self.config.data_keys))

    def send(self, name: str, **values: Any) -> str | None:
        defaults: dict[str, Any] = {"text": "Dạ", "buttons": (), "author": "bot", "key": "turn:1:0"}
        message = Outgoing(user_id=USERS[name], **(defaults | values))
        return self.channels[name].send(message)

    def shown(self, name: str) -> list[Any]:
        return [m for m in self.conversation(name)["messages"] if m["sender"] == "page"]

    def conversation(self, name: str) -> Any:
        return self.simulator.get(f"/api/conversations/{name}/{USERS[name]}").json


class Handler(WSGIRequestHandler):
    """Werkzeug drops headers with underscores, which Zalo uses; silent."""

    def make_environ(self) -> dict[str, Any]:
        found = super().make_environ()
        return found | {f"HTTP_{name.upper()}": value for name, value in self.headers.items() if "_" in name}

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Silence."""


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    changes: dict[str, Any] = {"webhook_url": "http://127.0.0.1:9", "var_dir": tmp_path, "retry_delays": ()}
    changes |= {"echoes": False, "receipts": False}
    settings = Settings(**(vars(read_settings(dict(DEMO_SETTINGS))) | changes))
    app = create_app(settings)
    with served(app, Handler) as url:
        yield furnished_city(app, url, tmp_path)


def furnished_city(app: Flask, url: str, folder: Path) -> City:
    """A gateway's database and settings beside the simulator at `url`, to which two people have written."""
    names = ("ZALO_API_URL", "ZALO_OAUTH_URL", "MESSENGER_API_URL")
    database = open_database(f"sqlite:///{folder}/test.db")
    Base.metadata.create_all(database.engine)
    config = load_config({"TIEPDAN_DEMO": "1", **dict.fromkeys(names, url)}, Path("/nonexistent"))
    client = app.test_client()
    for channel, user in USERS.items():
        body = {"channel": channel, "user": user, "text": "alo"}
        assert client.post("/api/messages", json=body).status_code == 200
    return City(config, database, client)
    app.extensions["simulator"].delivery.close()
    database.engine.dispose()


@pytest.mark.parametrize("name", ["zalo", "messenger"])
def test_a_document_goes_out_before_the_words_that_speak_of_it(city: City, name: str) -> None:
    city.send(name, file=PDF, text="Thư trả lời ở trên ạ.")
    document, words = city.shown(name)
    assert (document["kind"], words["text"]) == ("file", "Thư trả lời ở trên ạ.")
    assert document["file"].replace("%20", " ").endswith("Thu tra loi.pdf")


@pytest.mark.parametrize("name", ["zalo", "messenger"])
def test_a_file_goes_out_without_words(city: City, name: str) -> None:
    assert city.send(name, text="", file=PDF)
    assert [shown["kind"] for shown in city.shown(name)] == ["file"]


@pytest.mark.parametrize("name", ["zalo", "messenger"])
def test_a_picture_goes_out_with_buttons_on_the_words(city: City, name: str) -> None:
    city.send(name, file=File("ban-do.jpg", "image/jpeg", picture()), buttons=(Button("Đúng rồi", "#1.1f"),))
    image, words = city.shown(name)
    assert (image["kind"], len(image["images"])) == ("image", 1)
    assert [b["title"] for b in words["buttons"] + words["quick_replies"]] == ["Đúng rồi"]


def test_zalo_is_asked_for_a_phone_number_by_its_own_form(city: City) -> None:
    city.send("zalo", contact=ContactRequest("Cho xin số điện thoại", "Để cán bộ gọi lại"))
    (form,) = city.shown("zalo")
    assert (form["kind"], form["cards"][0]["title"]) == ("template", "Cho xin số điện thoại")


def test_where_the_form_is_refused_the_words_ask(city: City) -> None:
    fault = {"endpoint": "zalo_send", "kind": "error_in_200:-201", "count": 1}
    assert city.simulator.post("/api/faults", json=fault).status_code == 200
    city.send("zalo", contact=ContactRequest("Số điện thoại", "x"), text="Anh/chị cho em xin số điện thoại ạ.")
    assert [m["text"] for m in city.shown("zalo")] == ["Anh/chị cho em xin số điện thoại ạ."]


def test_messenger_offers_the_citizens_own_number(city: City) -> None:
    city.send("messenger", contact=ContactRequest("Số điện thoại", "x"), text="Anh/chị cho em xin số ạ.")
    (words,) = city.shown("messenger")
    assert [reply["value"] for reply in words["quick_replies"]] == ["user_phone_number"]


def test_templates_go_out_long_after_the_windows_are_closed(city: City) -> None:
    assert city.config.zalo is not None
    assert city.config.messenger is not None
    city.config = replace(
        city.config,
        zalo=replace(city.config.zalo, zbs_template_id="123456"),
        messenger=replace(city.config.messenger, utility_template="pa_ket_qua"),
    )
    city.simulator.post("/api/clock", json={"advance_seconds": 40 * 24 * 3600})
    for name, user in USERS.items():
        notice = Notice(user, "PA-482-913-773", "https://tiepdan.example/?ma=PA-482-913-773", "", "event:1")
        assert city.channels[name].notify(notice)
        assert city.shown(name)[-1]["kind"] in {"template", "utility"}


@pytest.mark.parametrize("name", ["zalo", "messenger"])
def test_no_template_goes_out_where_none_is_configured(city: City, name: str) -> None:
    with pytest.raises(ChannelMisconfigured, match="no_template"):
        city.channels[name].notify(Notice(USERS[name], "PA-1", "https://x", "", "event:1"))


def test_people_who_are_not_signed_in_are_answered_in_their_own_conversation(city: City) -> None:
    anonymous = Outgoing("anon:anon_55:cv_77", "Dạ vâng", (), "bot", "turn:1:0")
    assert city.channels["zalo"].send(anonymous)
    found = city.simulator.get("/api/conversations/zalo/anon_55").json["messages"]
    assert [message["text"] for message in found] == ["Dạ vâng"]


def at(city: City, platform: FakePlatform, **values: Any) -> Mapping[str, Channel]:
    """The channels, talking to a scripted server instead."""
    assert city.config.zalo is not None
    assert city.config.messenger is not None
    zalo = replace(city.config.zalo, api_url=platform.url, oauth_url=platform.url)
    messenger = replace(city.config.messenger, api_url=platform.url)
    config = replace(city.config, zalo=zalo, messenger=messenger, **values)
    return build_channels(config, city.database, Vault(config.data_keys))


def test_where_the_old_address_for_anonymous_people_is_gone_the_new_one_is_tried(
    city: City, platform: FakePlatform
) -> None:
    platform.script("/v2.0/oa/message", Reply({"error": -240, "message": "shut down"}))
    message = Outgoing("anon:a:c", "Dạ", (), "bot", "turn:1:0")
    assert at(city, platform)["zalo"].send(message) == "sent-3"
    assert [call.path for call in platform.calls] == ["/v4/oa/access_token", "/v2.0/oa/message", "/v3.0/oa/message/cs"]
    wanted = {"anonymous_id": "a", "conversation_id": "c"}
    assert [call.json["recipient"] for call in platform.calls[1:]] == [wanted, wanted]


@pytest.mark.parametrize("reply", [Reply({"data": {}, "error": 0}), Reply({"error": -201})])
def test_a_file_the_platform_does_not_keep_sends_no_words_without_it(
    city: City, platform: FakePlatform, reply: Reply
) -> None:
    platform.script("/upload/file", reply)
    message = Outgoing(USERS["zalo"], "Thư ở trên", (), "bot", "k", file=PDF)
    with pytest.raises(Exception, match=r"upload_without_id|zalo_-201"):
        at(city, platform)["zalo"].send(message)
    assert platform.calls_to("/message/cs") == []


def test_only_the_echo_of_the_last_part_speaks_for_the_whole_message(city: City, platform: FakePlatform) -> None:
    message = Outgoing(USERS["messenger"], "Câu. " * 900, (), "bot", "turn:1:0")
    at(city, platform)["messenger"].send(message)
    marks = [call.json["message"]["metadata"] for call in platform.calls]
    assert marks == ["part"] * (len(marks) - 1) + ["turn:1:0"]
    assert len(marks) > 2


# SMS, one more channel


def sms(city: City, platform: FakePlatform) -> Channel:
    names = ("ZALO_API_URL", "ZALO_OAUTH_URL", "MESSENGER_API_URL")
    values = {"TIEPDAN_DEMO": "1", **dict.fromkeys(names, platform.url), "SMS_URL": f"{platform.url}/sms"}
    config = load_config({**values, "SMS_TOKEN": "sms-token"}, Path("/nonexistent"))
    return build_channels(config, city.database, Vault(config.data_keys))["sms"]


def test_an_sms_is_posted_with_a_token_and_never_to_what_is_no_phone(city: City, platform: FakePlatform) -> None:
    channel = sms(city, platform)
    channel.notify(Notice("0912345678", "PA-1", "https://x", "Ho so PA-1", "event:1"))
    (call,) = platform.calls
    assert (call.path, call.json) == ("/sms", {"to": "0912345678", "text": "Ho so PA-1"})
    assert call.headers["Authorization"] == "Bearer sms-token"
    with pytest.raises(MessageRefused, match="no_phone"):
        channel.notify(Notice(USERS["zalo"], "PA-1", "https://x", "Ho so", "event:1"))
    assert channel.verify(b"{}", {}) is False


# The profile of the Page


def test_the_profile_is_taken_by_the_platform_and_its_menu_opens_our_doors(
    city: City, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert city.config.messenger is not None
    config = replace(city.config, public_url="https://tiepdan.example", database_url=f"sqlite:///{_file(city)}")
    monkeypatch.setattr(manage, "load_config", lambda: config)
    assert manage.main(["messenger-profile"]) == 0
    profile = city.simulator.get("/api/profile").json
    items = profile["persistent_menu"][0]["call_to_actions"]
    doors = {item["payload"] for item in items if item["type"] == "postback"}
    assert doors and doors <= set(MENU)
    assert items[-1]["url"] == "https://tiepdan.example"
    questions = profile["ice_breakers"][0]["call_to_actions"]
    assert questions and {question["payload"] for question in questions} <= set(MENU)
    assert profile["get_started"] == {"payload": "GET_STARTED"}
    assert "set" in capsys.readouterr().out


def _file(city: City) -> str:
    return str(city.database.engine.url.database)


def test_a_menu_never_links_to_an_address_without_https() -> None:
    menu = build_profile("http://127.0.0.1:8070")["persistent_menu"][0]["call_to_actions"]
    assert {item["type"] for item in menu} == {"postback"}


# Typing


def test_dots_are_shown_only_when_the_answer_is_slow(city: City) -> None:
    typing = Typing(city.channels, slow=0.05)
    with typing.while_slow("messenger", USERS["messenger"]):
        until(lambda: city.conversation("messenger")["typing"], "dots on the phone", 5)
    with Typing(city.channels, slow=5).while_slow("messenger", "nobody"):
        pass
    with typing.while_slow("unknown", "x"):
        time.sleep(0.1)


# Pace


def test_calls_are_spread_over_time_for_all_threads_together() -> None:
    pace, began = Pace(100), time.monotonic()
    threads = [threading.Thread(target=lambda: [pace.wait() for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.19 <= time.monotonic() - began < 2


def test_when_the_platform_is_busy_everybody_pauses() -> None:
    pace, began = Pace(1000), time.monotonic()
    pace.pause(0.2)
    pace.wait()
    assert time.monotonic() - began >= 0.2


def test_every_channel_has_its_pace(city: City) -> None:
    assert set(build_paces(city.config)) == {"zalo", "messenger"}


# Files on their way through the outbox


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"MZ\x90", "kind"), (b"<svg>", "kind"), (b"%PDF-" + b"x" * 5 * 1024 * 1024, "size"), (b"", "kind")],
)
def test_a_file_the_platforms_would_refuse_is_not_taken(data: bytes, code: str, tmp_path: Path) -> None:
    with pytest.raises(EnclosureError) as caught:
        enclosure.keep(tmp_path, data, "a.pdf")
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_file_is_made_harmless(tmp_path: Path) -> None:
    kept = enclosure.keep(tmp_path, b"%PDF-1", '../../etc/"x\r\ny.exe')
    assert kept["title"].endswith(".pdf")
    assert not set(kept["title"]) & set('/"\r\n')
    with pytest.raises(OSError):
        enclosure.load(tmp_path, {**kept, "name": "../secret"})


def test_a_kept_file_travels_with_its_message_and_a_lost_one_is_said(
    database: Database, rulebook: Rulebook, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    kept = enclosure.keep(tmp_path, b"%PDF-1.7", "thu.pdf")
    with transaction(database) as session:
        arrivals.accept(session, [InboundEvent("zalo", "e1", "u1", "text", now, "alo")], now, VAULT)
        conversation = session.scalars(select(Conversation)).one()
        for key, attachment in (("a", kept), ("b", {**kept, "name": "0" * 32})):
            outbox.enqueue(session, conversation.id, key, key, now, author="officer", attachment=attachment)
    channel = FakeChannel()
    deliverer = Deliverer(database, {"zalo": channel}, lambda: now, Means(folder=tmp_path))
    while deliverer.step("host:0/send-0"):
        pass
    assert [message.file and message.file.data for message in channel.sent] == [b"%PDF-1.7"]
    with reading(database) as session:
        rows = session.execute(select(Outbound.status, Outbound.error).order_by(Outbound.id)).all()
    assert [tuple(row) for row in rows] == [("sent", None), ("dead", "file_gone")]


def test_the_shared_form_of_a_profile_is_json() -> None:
    assert json.loads(json.dumps(build_profile("https://x.example")))["greeting"][0]["locale"] == "default"
