"""SMS through a gateway that takes JSON: nothing comes in; one more channel of the registry."""

import re
from collections.abc import Mapping

from core.config import SmsConfig
from webhook.channels.base import Channel, MessageRefused, Notice, Outgoing, Parsed
from webhook.channels.body import identifier
from webhook.channels.http import Http, status_error

PHONE = re.compile(r"0\d{9}")


class SmsChannel(Channel):
    """One gateway; its `user_id` is a phone number of ten digits."""

    name = "sms"
    refusal_status = 404
    too_large_status = 404

    def __init__(self, config: SmsConfig, http: Http) -> None:
        self._config = config
        self._http = http

    def challenge(self, args: Mapping[str, str]) -> str | None:
        return None

    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        """Nothing comes in this way."""
        return False

    def parse(self, raw: bytes) -> Parsed:
        return Parsed(ignored=("sms",))

    def send(self, outgoing: Outgoing) -> str | None:
        return self._post(outgoing.user_id, outgoing.text)

    def notify(self, notice: Notice) -> str | None:
        return self._post(notice.user_id, notice.text)

    def _post(self, phone: str, text: str) -> str | None:
        if not PHONE.fullmatch(phone):
            raise MessageRefused("no_phone")
        answer = self._http.post(
            "", {"Authorization": f"Bearer {self._config.token}"}, json={"to": phone, "text": text}
        )
        if not 200 <= answer.status < 300:
            raise status_error(answer.status)
        return identifier((answer.body or {}).get("id"))
