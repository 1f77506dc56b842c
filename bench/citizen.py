"""What the citizen of a script says next, from what is on the phone and which slot was asked; called by `bench.player`.

Answers go by slot name. What the bot asks besides the form (phone, name, photo, consent) is recognised by its question.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.conversations import Detour, Script, filled

MOST_TIMES = 2  # a person answers the same question, when it is none of the form's, no oftener
PATIENCE = 4  # and gives up when the same answer has brought the same question so many times
_ABOUT: Mapping[str, re.Pattern[str]] = {
    "phone": re.compile(r"số điện thoại|số máy|gọi lại cho"),
    "name": re.compile(r"họ tên|tên (?:của )?anh/chị|xưng tên|tên là gì"),
    "consent": re.compile(r"đồng ý|cho phép|nhận tin"),
    "photo": re.compile(r"\bảnh\b"),
    "description": re.compile(r"việc gì|kể giúp|nói rõ hơn|mô tả|nội dung"),
    "location": re.compile(r"ở đâu|địa chỉ|phường/xã nào"),
    "category": re.compile(r"lĩnh vực"),
}
_AFTER_FILING = ("phone", "name", "consent", "photo")
_ASKS = re.compile(r"\?|kể giúp|nói rõ hơn|cho em biết|nhắn (?:thêm|nội dung|giúp)")
_TEMPLATE = re.compile(r"\{\{(n|title):(\w+)\}\}")
_SPECIAL = re.compile(r"\[\[(image|sticker|location:[^\]]+)\]\]")
_YES, _NO = "đồng ý", "không"
_YES_LABELS, _NO_LABELS = ("affirm", "yes"), ("skip", "deny", "no")
_BY_WORDS = {"affirm": _YES, "deny": _NO, "skip": "bỏ qua"}


@dataclass(frozen=True)
class View:
    """What the citizen sees: the last replies, the options they may choose from, the slot asked, cases filed so far."""

    asked: str | None
    options: Sequence[Mapping[str, Any]]
    replies: Sequence[str]
    filed: int
    codes: Mapping[str, str]


@dataclass
class Citizen:
    """Follows one script; `labels` are the wordings of the categories, for when an option is not offered."""

    script: Script
    labels: Mapping[str, str]
    left: list[Detour] = field(init=False)
    times: Counter[object] = field(default_factory=Counter)
    first: bool = True

    def __post_init__(self) -> None:
        self.left = list(self.script.detours)

    def next(self, view: View) -> tuple[dict[str, Any], Detour | None] | None:
        """The next message as the simulator takes it, and the detour it is; None when there is nothing to say."""
        asked = self._asked(view)
        detour = self._detour(asked, view)
        self.first = False
        if detour is not None:
            self.left.remove(detour)
            return message(self._words(detour.say, view)), detour
        if asked is None:
            return None
        answers = self.script.answers_next if view.filed and self.script.answers_next else self.script.answers
        value = answers.get(asked, answers.get("other"))
        if value is None or not self._once_more(asked, view):
            return None
        return self._answer(value, view), None

    def _detour(self, asked: str | None, view: View) -> Detour | None:
        """The first that is due: after the first reply, after filing, or at the slot."""
        due = {asked, "opening" if self.first else None, "filed" if view.filed else None}
        return next((detour for detour in self.left if detour.after in due), None)

    def _asked(self, view: View) -> str | None:
        """The slot of the form, or what the last question is about; None when nothing was asked."""
        if view.asked is not None:
            return view.asked
        question = next((text.casefold() for text in reversed(view.replies) if _ASKS.search(text)), None)
        if question is None:  # buttons are an offer, and an offer is answered
            return "other" if view.options and not view.filed else None
        about = next((slot for slot, words in _ABOUT.items() if words.search(question)), "other")
        return about if not view.filed or about in _AFTER_FILING else None

    def _once_more(self, asked: str, view: View) -> bool:
        """The form is answered as long as it goes on in some way; other questions only a few times."""
        question = (asked, *view.replies) if view.asked is not None else asked
        self.times[question] += 1
        return self.times[question] <= (PATIENCE if view.asked is not None else MOST_TIMES)

    def _answer(self, value: str | bool, view: View) -> dict[str, Any]:
        if isinstance(value, str):
            return message(self._words(value, view))
        wanted = _YES_LABELS if value else _NO_LABELS
        for label in wanted:
            for option in view.options:
                if option["label"] == label:
                    return {"tap": option["title"]}
        return {"text": _YES if value else _NO}

    def _words(self, text: str, view: View) -> str:
        def chosen(found: re.Match[str]) -> str:
            kind, label = found[1], found[2]
            for option in view.options:
                if option["label"] == label:
                    return str(option["n"]) if kind == "n" else str(option["title"])
            return self.labels.get(label) or _BY_WORDS.get(label, label)

        return filled(_TEMPLATE.sub(chosen, text), view.codes)


def message(text: str) -> dict[str, Any]:
    """A text, or the picture, sticker or pin it stands for, as the simulator's API takes it."""
    special = _SPECIAL.search(text)
    if special is None:
        return {"text": text}
    words = " ".join(_SPECIAL.sub(" ", text).split())
    with_words = {"text": words} if words else {}
    if special[1] == "image":
        return {"image": "sample", **with_words}
    if special[1] == "sticker":
        return {"sticker": True, **with_words}
    latitude, longitude = special[1].removeprefix("location:").split(",")
    return {"location": [float(latitude), float(longitude)], **with_words}
