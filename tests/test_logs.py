"""Every process writes JSON lines: three rooms that may not import each other, one shape, and no quoted words."""

import json
import logging
import sys

import pytest

from bot.log import JsonLines as BotLines
from core.log import JsonFormatter
from simulator.log import JsonLines as SimulatorLines


@pytest.mark.parametrize("formatter", [JsonFormatter(), BotLines(), SimulatorLines()], ids=["core", "bot", "simulator"])
def test_what_people_wrote_is_logged_with_an_exception(formatter: logging.Formatter) -> None:
    try:
        raise ValueError("Bà Hoa, 0912 345 678")
    except ValueError:
        record = logging.LogRecord("room", logging.ERROR, "", 1, "broke in turn %d", (7,), sys.exc_info())
    text = formatter.format(record)
    line = json.loads(text)
    assert (line["level"], line["logger"], line["message"]) == ("error", "room", "broke in turn 7")
    assert line["at"].endswith("+00:00") and line["exception"].startswith("ValueError at ")
    assert "\n" not in text and "Hoa" not in text and "0912" not in text
