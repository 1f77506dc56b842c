"""Cuts the part of a text which names a place, as typed; called by `routing` only."""

import re
from collections.abc import Sequence

from cases.mentions import Mention
from cases.place_text import STREET_WORDS, Word
from cases.place_types import What

_NUMBERED = STREET_WORDS | frozenset(
    "số sn nhà căn tầng block lô tổ tdp đội cụm ki ốt so nha can tang to lo cum doi".split()
)
_NAMED = frozenset(
    "thôn xóm làng khu kđt tòa chung cư cc tập thể tt chợ hồ cổng trường chùa đình bến ga ngã tư ba dân phố đường"
    " ngõ thon xom lang kdt toa tap the duong pho ngo xã phường ấp bản vườn".split()
)
_HAMLETS = frozenset("thôn xóm làng tòa ấp thon xom lang".split())
_LEADS = frozenset(
    "gần cạnh đối diện đầu cuối sau trước đoạn dốc chân giữa góc dọc"
    " gan canh doi dien dau cuoi doan giua goc ngay cũ".split()
)
_LINKS = frozenset(
    "thuộc gần cạnh và với giao cắt tới đến của ở tại khu quận huyện phường thuoc gan giao cu cũ".split()
)
_NUMBER = re.compile(r"\d{1,4}[a-z]?\d{0,2}|[a-z]{1,2}\d{1,4}[a-z]?|(?:ngõ|ngo|ngách|hẻm|số|so|sn)\d{1,4}[a-z]?")
_MAX_LEFT = 14
_STOPS = re.compile(r"[;!?\n]|\.\s|…")


def address_of(words: Sequence[Word], mentions: Sequence[Mention]) -> str:
    """The stretch with the most names, its house number, alley and hamlet included; else an alley alone, or ""."""
    if all(mention.entries[0].what is What.CITY for mention in mentions):
        return _numbered_alley(words)
    group = _largest_group(words, mentions)
    first = _extend_left(words, group[0].first)
    return _as_typed(words[first : group[-1].last])


def _largest_group(words: Sequence[Word], mentions: Sequence[Mention]) -> list[Mention]:
    groups: list[list[Mention]] = [[mentions[0]]]
    for mention in mentions[1:]:
        between = words[groups[-1][-1].last : mention.first]
        linked = all(word.folded in _LINKS or _is_part(word) for word in between) and len(between) < 6
        if linked and not any(_STOPS.search(word.gap) for word in words[groups[-1][-1].last : mention.first + 1]):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    return max(groups, key=lambda group: sum(mention.entries[0].what is not What.CITY for mention in group))


def _is_part(word: Word) -> bool:
    return (
        word.folded in _NUMBERED
        or word.folded in _NAMED
        or word.folded in _LEADS
        or bool(_NUMBER.fullmatch(word.folded))
    )


def _extend_left(words: Sequence[Word], first: int) -> int:
    """Back over numbers and words of an address; names nobody listed may stand between ("thôn Đoài, xã Kim Nỗ")."""
    reached, unknown, lower = first, 0, False
    for at in range(first - 1, max(-1, first - _MAX_LEFT), -1):
        word, gap = words[at], words[at + 1].gap
        if _STOPS.search(gap) and len(word.text) > 2:
            break
        if _is_part(word) and (not lower or word.folded in _HAMLETS):
            reached, unknown, lower = at, 0, False
        elif unknown < 4 and (word.text[0].isupper() or unknown or "," in gap):
            unknown, lower = unknown + 1, lower or not word.text[0].isupper()
        else:
            break
    return reached


def _numbered_alley(words: Sequence[Word]) -> str:
    for at, word in enumerate(words[:-1]):
        if word.folded not in STREET_WORDS or _STOPS.search(words[at + 1].gap):
            continue
        if not (_NUMBER.fullmatch(words[at + 1].folded) or words[at + 1].text[0].isupper()):
            continue
        first = _extend_left(words, at)
        last = at + 2
        while last < len(words) and "," not in words[last].gap and not _STOPS.search(words[last].gap):
            if not (_is_part(words[last]) or words[last].text[0].isupper()):
                break
            last += 1
        return _as_typed(words[first:last])
    return ""


def _as_typed(words: Sequence[Word]) -> str:
    text = words[0].text + "".join(word.gap + word.text for word in words[1:])
    return f"{text})" if text.count("(") > text.count(")") else text
