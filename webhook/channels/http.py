"""Calls a platform's server: one session a thread, a timeout on every call, no redirects; used by the channels."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from core.config import is_loopback
from webhook.channels.base import ChannelBusy, ChannelError, ChannelUnavailable, File, MessageRefused
from webhook.channels.body import load_object

CONNECT_TIMEOUT = 3.05  # seconds


@dataclass(frozen=True)
class Answer:
    """What a server said: the HTTP status, and the JSON object if there was one."""

    status: int
    body: dict[str, Any] | None = field(repr=False)


class Http:
    """One server of a platform; `timeout` in seconds is for the answer, connecting has its own."""

    def __init__(self, base_url: str, timeout: float) -> None:
        self._base_url = base_url
        self._timeout = (CONNECT_TIMEOUT, timeout)
        self._local = threading.local()

    def post(
        self,
        path: str,
        headers: Mapping[str, str],
        *,
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        file: tuple[str, File] | None = None,
    ) -> Answer:
        """Post JSON, or a form with a file under the name of its field.

        Raises ChannelUnavailable when nothing came back, and judges nothing else.
        """
        try:
            response = self._session().post(
                self._base_url + path,
                json=json,
                data=form,
                files={file[0]: (file[1].title, file[1].data, file[1].mime)} if file else None,
                headers=dict(headers),
                timeout=self._timeout,
                allow_redirects=False,
            )
        # `from None`: the original holds the address and the headers, and the token with them.
        except requests.Timeout:
            raise ChannelUnavailable("timeout") from None
        except requests.ConnectionError:
            raise ChannelUnavailable("connection") from None
        except requests.RequestException as error:
            raise ChannelUnavailable(type(error).__name__[:40]) from None
        return Answer(response.status_code, load_object(response.content))

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            # The simulator on this machine is never behind the proxy that the real platforms may need.
            self._local.session.trust_env = not is_loopback(self._base_url)
        session: requests.Session = self._local.session
        return session


def status_error(status: int) -> ChannelError:
    """What an HTTP status means when the platform's own error code says nothing."""
    code = f"http_{status}"
    if status == 429:
        return ChannelBusy(code)
    if status == 408 or status >= 500 or status < 400:
        return ChannelUnavailable(code)
    return MessageRefused(code)
