"""Everything that is held of one citizen, behind the link their own chat has told; called by `portal.app`.

The page of the link itself says nothing: platforms open links for a preview, and only a person presses the button.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import render_template
from flask.typing import ResponseReturnValue

from cases import personal
from cases.words import Words
from core.db import Database, reading
from core.vault import Vault


@dataclass(frozen=True)
class MyData:
    """The two pages of one link."""

    database: Database
    words: Words
    vault: Vault
    clock: Callable[[], datetime]

    def ask(self, token: str) -> ResponseReturnValue:
        if self._whose(token) is None:
            return render_template("my_data_over.html"), 404
        return render_template("my_data_ask.html")

    def show(self, token: str) -> ResponseReturnValue:
        conversation_id = self._whose(token)
        if conversation_id is None:
            return render_template("my_data_over.html"), 404
        with reading(self.database) as session:
            found = personal.whole_file(session, self.vault, conversation_id)
            return render_template("my_data.html", file=found, words=self.words)

    def _whose(self, token: str) -> int | None:
        return personal.conversation_of(self.vault, token, self.clock())
