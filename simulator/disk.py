"""Keeps the little that must survive a restart in VAR_DIR/simulator.json; called by `tokens` and `world`."""

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class StateFile:
    """A small JSON object on disk, replaced as a whole at every change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._state = self._load()

    def get(self, key: str, default: Any) -> Any:
        """The stored value, or the default; treat it as read-only."""
        with self._lock:
            return self._state.get(key, default)

    def put(self, key: str, value: Any) -> None:
        """Stores one value and writes the file before returning."""
        with self._lock:
            self._state = self._state | {key: value}
            self._save()

    def _load(self) -> dict[str, Any]:
        if not self._path.exists():
            return {}
        try:
            state = json.loads(self._path.read_text())
        except (OSError, ValueError):
            log.warning("state file unreadable, starting with an empty one")
            return {}
        return state if isinstance(state, dict) else {}

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".tmp")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self._state, ensure_ascii=False))
        os.replace(draft, self._path)
