"""Log lines as JSON, as in the rest of the house, which this room does not import; called by `bot.server`."""

import json
import logging
import sys
import traceback
from datetime import datetime, timezone


class JsonLines(logging.Formatter):
    """One JSON object a line; an exception is its class and place, without its message (which may quote text)."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            places = [f"{place.name}:{place.lineno}" for place in traceback.extract_tb(record.exc_info[2])]
            line["exception"] = f"{record.exc_info[0].__name__} at {' > '.join(places[-4:])}"
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: int) -> None:
    """Send every logger of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
