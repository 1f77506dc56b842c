"""What is said not to be so: "không phải cống, là ống nước vỡ"; called by `bot.category` and by actions."""

import re
import unicodedata
from typing import Text

_DENIED = re.compile(
    r"\b(?:chu |ma )?(?:khong|ko|k|hong) phai\b(?: \w+){1,7}?\s*(?=[,.;]|$|\b(?:ma|chu|nhe|dau|nhung)\b)"
)


def without_marks(text: Text) -> Text:
    """Lower case without diacritics, one character for one, so that places in it are places in the text."""
    return "".join(unicodedata.normalize("NFD", char)[0] for char in text.lower().replace("đ", "d"))


def without_denied(text: Text) -> Text:
    """The text without it, marks as they were: "xây sai phép, không phải tiếng ồn" is about building."""
    plain = without_marks(text)
    if len(plain) != len(text):  # a letter that grows in small form
        return text
    kept, end = [], 0
    for match in _DENIED.finditer(plain):
        kept.append(text[end : match.start()])
        end = match.end()
    return " ".join([*kept, text[end:]])
