"""The letters of khiếu nại and tố cáo as Word files to print and sign; served by portal, offered by actions and worker.

The bot takes no petition (Luật Tố cáo Art. 22-23, Luật Khiếu nại Art. 8): it hands over a letter to fill in on paper.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cases import docx_layout as layout

MIME = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
LINE_DOTS, SHORTEST = 34, 8  # a line of 16 cm at 13 pt; the least room to write in beside a label


@dataclass(frozen=True)
class Letter:
    """One model letter; `kind` is the intent it answers, `body` the reason of refusal that names who receives it."""

    kind: str
    slug: str
    button: str
    title: str
    body: str
    entry: Mapping[str, Any]

    @property
    def file_name(self) -> str:
        return f"{self.slug}.docx"

    @property
    def stored_name(self) -> str:
        """The same for the same words: however often it is sent, one file is kept."""
        return hashlib.sha256(repr(self.entry).encode()).hexdigest()[:32]


@cache
def load_letters() -> dict[str, Letter]:
    """By kind; read once."""
    read: dict[str, Any] = yaml.safe_load((Path(__file__).with_name("catalogue") / "letters.yml").read_text("utf-8"))
    common = {name: value for name, value in read.items() if name != "letters"}
    return {
        kind: Letter(kind, entry["slug"], entry["button"], entry["title"], entry["body"], common | entry)
        for kind, entry in read["letters"].items()
    }


@cache
def document(kind: str) -> bytes:
    """The Word file of a kind of `load_letters`; KeyError for any other."""
    letter = load_letters()[kind]
    words, paper = letter.entry, layout.new_paper()
    layout.say(paper, words["nation"], align=layout.CENTRE, bold=True)
    layout.say(paper, words["motto"], align=layout.CENTRE, bold=True)
    layout.say(paper, layout.LINE * 2, align=layout.CENTRE, size=8)
    layout.say(paper, words["day"], align=layout.RIGHT, italic=True)
    layout.add_title(paper, letter.title)
    _line(paper, words["to"])
    layout.say(paper, words["to_hint"], align=layout.CENTRE, italic=True, size=11)
    for part in words["parts"]:
        _part(paper, part)
    layout.say(paper, words["commitment"], before=8)
    layout.add_signature(paper, ("",), (words["signer"], words["signature_note"]))
    layout.say(paper, words["terms"], italic=True, size=11, before=60)
    file = io.BytesIO()
    paper.save(file)
    return file.getvalue()


def _part(paper: layout.Paper, part: Mapping[str, Any]) -> None:
    layout.add_head(paper, part["head"])
    for label in part.get("lines", ()):
        _line(paper, label)
    for _ in range(part.get("room", 0)):
        layout.say(paper, "…" * LINE_DOTS, align=layout.LEFT)


def _line(paper: layout.Paper, label: str) -> None:
    """A label with room to write after it; a sentence is complete as it is."""
    room = 0 if label.endswith(".") else LINE_DOTS - len(label) // 2
    layout.say(paper, f"{label} {'…' * room}".strip() if not 0 < room < SHORTEST else label, align=layout.LEFT)
    if 0 < room < SHORTEST:
        layout.say(paper, "…" * LINE_DOTS, align=layout.LEFT)
