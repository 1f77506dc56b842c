"""Asks Rasa one turn: state and message in, replies and new state out; called by converse, keeps nothing."""

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

CONNECT_TIMEOUT = 3.0  # seconds


class RasaAwayError(Exception):
    """Rasa or its action server cannot be reached: the same turn will succeed later. Retry without counting."""


class RasaFailedError(Exception):
    """Rasa answered, but not with an answer: 5xx, no replies, a broken body. Retry a few times, then apologise."""


@dataclass(frozen=True)
class Answer:
    """What Rasa makes of a turn; `replies` is never empty, each with text."""

    replies: Sequence[Mapping[str, Any]]
    state: dict[str, Any]
    intent: str
    forget: bool
    hold: bool = False  # what was typed rests sealed until the citizen says what it is
    case_id: int | None = None  # the case this turn filed, so that an undelivered receipt is noted on it


class RasaClient:
    """Spreads turns over the Rasa processes of RASA_URL; one HTTP session a thread."""

    def __init__(self, urls: Sequence[str], timeout: float) -> None:
        self._urls = tuple(urls)
        self._timeout = (CONNECT_TIMEOUT, timeout)
        self._next = itertools.count()
        self._local = threading.local()

    def turn(self, question: Mapping[str, Any]) -> Answer:
        """Raises RasaAwayError or RasaFailedError; asking again is always harmless."""
        start = next(self._next)
        for offset in range(len(self._urls)):
            url = self._urls[(start + offset) % len(self._urls)]
            try:
                response = self._session().post(f"{url}/webhooks/turn/", json=question, timeout=self._timeout)
            except (requests.ConnectionError, requests.exceptions.ConnectTimeout):
                continue
            except requests.RequestException as error:
                raise RasaFailedError(type(error).__name__) from None
            return _read(response)
        raise RasaAwayError("no Rasa process answers")

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            # A proxy of the environment is for the world outside, not for what people wrote on its way to our Rasa.
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session


def _read(response: requests.Response) -> Answer:
    if response.status_code == 503:
        raise RasaAwayError("actions unavailable")
    if response.status_code != 200:
        raise RasaFailedError(f"status {response.status_code}")
    try:
        return _answer(response.json())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RasaFailedError(f"malformed body: {type(error).__name__}") from None


def _answer(body: object) -> Answer:
    # Stock Rasa says 200 and `[]` when an action failed: that is no answer.
    if not isinstance(body, dict) or not isinstance(body.get("state"), dict):
        raise RasaFailedError("body has no state")
    replies = body.get("replies") or []
    spoken = [reply for reply in replies if str(reply.get("text") or "").strip()]
    if not spoken:
        raise RasaFailedError("no replies")
    if not all(button["title"] and button["payload"] for reply in spoken for button in reply.get("buttons") or ()):
        raise RasaFailedError("a button without words or meaning")
    marks = [reply["custom"] for reply in replies if isinstance(reply.get("custom"), dict)]
    forget = any(mark.get("forget") for mark in marks)
    hold = any(mark.get("hold") for mark in marks)
    case_id = next((int(mark["case_id"]) for mark in marks if "case_id" in mark), None)
    intent = str((body.get("understood") or {}).get("intent") or "")
    return Answer(spoken, body["state"], intent, forget, hold, case_id)
