"""The Messenger profile of the Page: greeting, start button, first questions, menu; set by `manage.py`."""

from pathlib import Path
from typing import Any

import yaml

CATALOGUE = Path(__file__).parents[2] / "cases" / "catalogue" / "messenger_profile.yml"
START = "GET_STARTED"
MAX_GREETING, MAX_TITLE, MAX_QUESTIONS = 160, 30, 4


class ProfileError(Exception):
    """The catalogue holds something the platform does not take; the message says what. Not worth a retry."""


def build_profile(public_url: str, catalogue: Path = CATALOGUE) -> dict[str, Any]:
    """What goes to the platform; the menu links to the portal only where that is on https, as the platform demands."""
    words = yaml.safe_load(catalogue.read_text("utf-8"))
    items = [{"type": "postback", **item} for item in words["menu"]]
    if public_url.startswith("https://"):
        items.append({"type": "web_url", "title": words["portal"], "url": public_url})
    _check(words, items)
    questions = [{"question": item["title"], "payload": item["payload"]} for item in words["ice_breakers"]]
    menu = {"locale": "default", "composer_input_disabled": False, "call_to_actions": items}
    return {
        "get_started": {"payload": START},
        "greeting": [{"locale": "default", "text": words["greeting"]}],
        "ice_breakers": [{"locale": "default", "call_to_actions": questions}],
        "persistent_menu": [menu],
    }


def _check(words: dict[str, Any], items: list[dict[str, str]]) -> None:
    if len(words["greeting"]) > MAX_GREETING:
        raise ProfileError(f"greeting is longer than {MAX_GREETING} characters")
    if len(words["ice_breakers"]) > MAX_QUESTIONS:
        raise ProfileError(f"there are more than {MAX_QUESTIONS} ice_breakers")
    long = [item["title"] for item in items if len(item["title"]) > MAX_TITLE]
    if long:
        raise ProfileError(f"a menu title is longer than {MAX_TITLE} characters: {long[0]}")
