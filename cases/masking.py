"""Takes phone, paper and card numbers out of what a citizen typed. Called by webhook.question and webhook.kept.

Numbers are read group by group ("0912 345 678" is three groups), so that dates, money, house numbers and plates stay.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from cases.codes import HOTLINES, fold, parse_code

PHONE = "[số điện thoại]"
PAPER = "[số giấy tờ]"
CARD = "[số thẻ]"

# A run is digits held together by at most three separators; zero-width characters come with copied numbers.
_RUN = re.compile(r"\(?\+?\d(?:[ .()\-\u00a0\u2009\u200b\u2010-\u2013\u202f\t]{0,3}\d)*")
_GROUP = re.compile(r"\d+")
_PHONE = re.compile(r"(?:(?:00)?84|(?=0))0?([35789]\d{8}|2\d{9})")
_DATE = re.compile(r"(?:0?[1-9]|[12]\d|3[01])([ .\-])(?:0?[1-9]|1[0-2])\1(?:19|20)\d\d(?!\d)")
_HANOI_POINT = re.compile(r"2[01]\.\d{3,8}[ ,;]{1,3}10[56]\.\d{3,8}")
_MONEY = re.compile(r" ?(?:d|dong|vnd|k|tr|trieu|ty|nghin|ngan|usd)(?![a-z])")
_NEIGHBOUR_AFTER = re.compile(r"/\d{1,8}(?!\d)")
_NEIGHBOUR_BEFORE = re.compile(r"(?<!\d)\d{1,8}/$")
_CASE_WORD = re.compile(r"(?<![a-z])(?:pa|ma|ho so|phan anh)[ :#.\-]{0,3}$")
_PAPER_WORD = re.compile(r"(?<![a-z])(?:cccd|cmnd|cmt|cc|cancuoc)$")
_ADDRESS_WORD = re.compile(r"(?<![a-z])(?:so nha|ngo|ngach|hem|kiet|lo|thua|thua dat|to ban do)(?: so)?[ :.]{0,3}$")
_NEAR = 24

Span = tuple[int, int]
Hit = tuple[int, str, str]  # how many groups, placeholder, phone


@dataclass(frozen=True, slots=True)
class Masked:
    """`phones` are those taken out, as 0xxxxxxxxx, each once, in the order they were typed."""

    text: str
    phones: tuple[str, ...]
    had_id: bool
    had_card: bool


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    placeholder: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: its groups, the digits of all, where each group starts in them, and which group starts there."""

    text: str
    groups: tuple[Span, ...]
    digits: str
    starts: tuple[int, ...]
    number: dict[int, int]

    def count(self, first: int, length: int) -> int:
        """How many whole groups from `first` on hold exactly `length` digits; 0 when the edge cuts a group."""
        return self.number.get(self.starts[first] + length, first) - first

    def sizes(self, first: int, count: int) -> list[int]:
        return [end - start for start, end in self.groups[max(0, first) : first + count]]


def mask(text: str) -> Masked:
    """The text with placeholders for personal numbers; a text without any comes back as it is."""
    found = _numbers(text)
    return Masked(
        text=_replaced(text, found),
        phones=tuple(dict.fromkeys(hit.phone for hit in found if hit.phone)),
        had_id=any(hit.placeholder == PAPER for hit in found),
        had_card=any(hit.placeholder == CARD for hit in found),
    )


def without_papers(text: str) -> str:
    """The text with numbers of identity papers and cards taken out; phone numbers stay, an officer may need them."""
    return _replaced(text, [hit for hit in _numbers(text) if hit.placeholder != PHONE])


def _numbers(text: str) -> list[_Found]:
    points = {match.start() for match in _HANOI_POINT.finditer(text)}
    return [hit for match in _RUN.finditer(text) if match.start() not in points for hit in _personal(text, match)]


def _replaced(text: str, found: list[_Found]) -> str:
    pieces, end = [], 0
    for hit in found:
        pieces += [text[end : hit.start], hit.placeholder]
        end = hit.end
    return "".join([*pieces, text[end:]])


def _personal(text: str, match: re.Match[str]) -> Iterator[_Found]:
    run = _parse(text, match)
    first = 0
    while first < len(run.groups):
        if _DATE.match(text, run.groups[first][0]):
            first += 3
            continue
        hit = _card(run, first) or _phone(run, first) or _paper(run, first)
        if not hit:
            first += 1
            continue
        count, placeholder, phone = hit
        end = run.groups[first + count - 1][1]
        yield _Found(_opening(text, run.groups[first][0], end), end, placeholder, phone)
        first += count


def _parse(text: str, match: re.Match[str]) -> _Run:
    groups = tuple(found.span() for found in _GROUP.finditer(text, match.start(), match.end()))
    # int() reads full-width and other digits that keyboards produce.
    digits = "".join(str(int(char)) for char in match[0] if char.isdecimal())
    starts = tuple(accumulate((end - start for start, end in groups), initial=0))
    return _Run(text, groups, digits, starts, {start: number for number, start in enumerate(starts)})


def _card(run: _Run, first: int) -> Hit | None:
    """16 to 19 digits that pass Luhn, written in one piece or in fours."""
    offset = run.starts[first]
    if run.digits[offset] == "0":
        return None
    for length in range(16, 20):
        count = run.count(first, length)
        in_fours = count == 1 or (1 < count <= 5 and set(run.sizes(first, count)[:-1]) == {4})
        if in_fours and _luhn(run.digits[offset : offset + length]):
            return count, CARD, ""
    return None


def _phone(run: _Run, first: int) -> Hit | None:
    match = _PHONE.match(run.digits, run.starts[first])
    if not match:
        return None
    count = run.count(first, len(match[0]))
    if not count or (count > 6 and set(run.sizes(first, count)) != {1}):
        return None
    return count, PHONE, f"0{match[1]}"


def _paper(run: _Run, first: int) -> Hit | None:
    """12 digits (CCCD) or 9 (old CMND), unless they read as money, an address or a case code."""
    start, offset = run.groups[first][0], run.starts[first]
    for length in (12, 9):
        count = run.count(first, length)
        digits = run.digits[offset : offset + length]
        if not 1 <= count <= 4 or not _written_as_paper(run, first, count, digits):
            continue
        end = run.groups[first + count - 1][1]
        before, after = fold(run.text[max(0, start - _NEAR) : start]), fold(run.text[end : end + 8])
        if _MONEY.match(after) or (length == 9 and _means_other(digits, before, run.text, start, end)):
            continue
        return count, PAPER, ""
    return None


def _written_as_paper(run: _Run, first: int, count: int, digits: str) -> bool:
    if digits.endswith("000") and digits[0] != "0":
        return False
    if count == 1:
        return True
    sizes = run.sizes(first, count)
    if len(digits) == 9 and 3 in (*run.sizes(first - 1, 1), *run.sizes(first + count, 1)):
        return False  # the middle of a longer number in threes
    if digits[0] == "0":
        return min(sizes) >= 3
    dotted = "." in run.text[run.groups[first][0] : run.groups[first + count - 1][1]]
    return sizes == [3, 3, 3] and not dotted


def _means_other(digits: str, before: str, text: str, start: int, end: int) -> bool:
    if parse_code(digits) or _CASE_WORD.search(before) or _ADDRESS_WORD.search(before):
        return True
    if HOTLINES.issuperset((digits[:3], digits[3:6], digits[6:])):
        return True
    if text[start - 1 : start].isalpha() and not _PAPER_WORD.search(before):
        return True
    return bool(_NEIGHBOUR_AFTER.match(text, end) or _NEIGHBOUR_BEFORE.search(text[max(0, start - 10) : start]))


def _opening(text: str, start: int, end: int) -> int:
    """Where the placeholder begins: a plus, and a bracket that closes inside the number, belong to it."""
    if text[start - 1 : start] == "+":
        start -= 1
    if text[start - 1 : start] == "(" and ")" in text[start:end]:
        start -= 1
    return start


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[::-2])) % 10 == 0
