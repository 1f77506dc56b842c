"""What differs between channels when they are put to the same tests; fixtures in tests/conftest.py."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.config import Config, load_config
from core.db import Database, open_database
from tests.fakes import Reply, sign_messenger, sign_zalo
from webhook.channels.base import Button, Outgoing

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads"
CITIZEN = "6093184725501938472"
SECRET_TEXT = "Nhà bà Hồng số 12 đổ rác, gọi 0912345678"


@dataclass(frozen=True)
class ChannelCase:
    """What differs between channels when they are put to the same tests."""

    name: str
    secret: str
    signature: str
    sign: Callable[[bytes, str], dict[str, str]]
    text_body: str  # the name of a payload file with one text
    rate_limit: Any
    refused: Any
    unreachable: Any
    send_path: str

    def raw(self, payload: str | None = None) -> bytes:
        body = json.loads((PAYLOADS / self.name / f"{payload or self.text_body}.json").read_text())["body"]
        return json.dumps(body, ensure_ascii=self.name == "messenger", separators=(",", ":")).encode()


APP_ID = "1847362950174826395"
CASES = (
    ChannelCase(
        name="zalo",
        secret="demo-zalo-oa-secret-key",
        signature="X-ZEvent-Signature",
        sign=lambda raw, secret: sign_zalo(raw, secret, APP_ID),
        text_body="user_send_text",
        rate_limit=Reply({"error": -32, "message": "rate limit"}),
        refused=Reply({"error": -201, "message": "user_id is invalid"}),
        unreachable=Reply({"error": -230, "message": "not interacted"}),
        send_path="/v3.0/oa/message/cs",
    ),
    ChannelCase(
        name="messenger",
        secret="demo-messenger-app-secret",
        signature="X-Hub-Signature-256",
        sign=sign_messenger,
        text_body="message_text",
        rate_limit=Reply({"error": {"code": 613, "message": "rate limit"}}, 400),
        refused=Reply({"error": {"code": 100, "message": "invalid"}}, 400),
        unreachable=Reply({"error": {"code": 551, "message": "not available"}}, 400),
        send_path="/v25.0/104882019374655/messages",
    ),
)


def config_of(url: str) -> Config:
    names = ("ZALO_API_URL", "ZALO_OAUTH_URL", "MESSENGER_API_URL")
    config = load_config({"TIEPDAN_DEMO": "1"} | dict.fromkeys(names, url), Path("/nonexistent"))
    return replace(config, send_timeout=0.3)


def outgoing(text: str = SECRET_TEXT, **values: Any) -> Outgoing:
    defaults: dict[str, Any] = {
        "user_id": CITIZEN,
        "text": text,
        "buttons": (),
        "author": "bot",
        "key": "turn:1:0",
    }
    return Outgoing(**(defaults | values))


def buttons_of(count: int, title: str = "Lựa chọn") -> tuple[Button, ...]:
    return tuple(Button(f"{title} {n}", f"#{n}.1f") for n in range(1, count + 1))


def never_opened(folder: Path) -> Database:
    """What a channel is handed when it only parses."""
    return open_database(f"sqlite:///{folder}/unused.db")
