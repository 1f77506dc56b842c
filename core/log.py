"""Logging: JSON lines with ids and outcomes only; `configure()` is called once by every process."""

import json
import logging
import sys
from datetime import UTC, datetime

# The only keys that may leave as structured fields: ids and outcomes, never text, names, phones or tokens.
FIELDS = (
    "turn_id", "inbound_id", "outbound_id", "conversation_id", "case_id", "officer_id", "channel", "event", "outcome",
    "reason", "attempt", "count", "status", "worker", "ms", "error",
)  # fmt: skip


class JsonFormatter(logging.Formatter):
    """One JSON object a line; an exception is its class and place, without its message (which may quote text)."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({key: getattr(record, key) for key in FIELDS if hasattr(record, key)})
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = _exception(record.exc_info[0], record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def _exception(kind: type[BaseException], trace: object) -> str:
    places = []
    while trace is not None:
        frame = getattr(trace, "tb_frame", None)
        if frame is not None:
            places.append(f"{frame.f_code.co_qualname}:{getattr(trace, 'tb_lineno', 0)}")
        trace = getattr(trace, "tb_next", None)
    return f"{kind.__name__} at {' > '.join(places[-4:])}"


def configure(level: int = logging.INFO) -> None:
    """Send every logger of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("urllib3", "requests", "werkzeug", "PIL"):  # addresses, with tokens or codes in them, and EXIF
        logging.getLogger(noisy).setLevel(logging.WARNING)
