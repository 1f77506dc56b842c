"""Stock Rasa with its own Facebook channel, for comparison; Facebook's answers cost it nothing. Runs in .venv-bot."""

import sys
from typing import Any

import fbmessenger
from rasa.__main__ import main


def _took(*_arguments: Any, **_more: Any) -> dict[str, str]:
    return {"message_id": "m_bench"}


if __name__ == "__main__":
    fbmessenger.MessengerClient.send = _took
    fbmessenger.MessengerClient.send_action = _took
    sys.exit(main())
