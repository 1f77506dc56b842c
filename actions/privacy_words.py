"""Which wish about one's own data a message speaks of, folded and without accents; called by privacy and reader."""

import re

VIEW, CORRECT, DELETE, WITHDRAW = "view", "correct", "delete", "withdraw"
ERASE, KEEP = "delete:yes", "delete:no"  # the answers to the question whether to erase

_DATA = r"(?:du lieu|thong tin|tin nhan|so|sdt|ten|ho so|lich su|chat|anh|dia chi|tai khoan|noi dung|data|gi|cua)"
_GONE = r"(?:xoa+|go|huy|loai|del|delete|remove|(?<!toan )(?<!dong )bo)"
_ERASES = rf"\b{_GONE}\b.{{0,40}}\b(?:{_DATA}|het|moi thu)\b|\b{_DATA}\b.{{0,60}}\b(?:xoa+|go|bo di|bo ra|bo het)\b"
_TAKES_BACK = (
    r"\b(?:rut|thu hoi|huy|khong)\b.{0,20}\b(?:dong y|cho phep|dong thuan|uy quyen)\b"
    r"|\b(?:ngung|dung|thoi) dung\b|\bhan che (?:xu ly|su dung)\b|\bphan doi\b|\bkhong cho\b.{0,20}\bnua\b"
)
_LOOKS = (
    r"\b(?:xem|coi|ban sao|cung cap|trich xuat|tai ve|(?:luu|giu|cat|co)\b.{0,20}\b(?:gi|nao)|(?:nhung|du lieu) gi)\b"
)
_CORRECTS = r"\b(?:sua|chinh(?! sach)|dinh chinh|cap nhat|(?<!phan )doi|ghi sai|luu sai|viet sai|khai sai)\b"
_ORDERED = ((WITHDRAW, _TAKES_BACK), (DELETE, _ERASES), (CORRECT, _CORRECTS), (VIEW, _LOOKS))
_WISHES = tuple((wish, re.compile(pattern)) for wish, pattern in _ORDERED)
_QUESTION = re.compile(r"\b(?:ai|bao lau|den bao gio|khi nao)\b")


def wish_in(folded: str) -> str | None:
    """None when it only asks how data are handled, or says nothing clear: then the choices are offered."""
    if _QUESTION.search(folded) and not re.search(_ERASES, folded):
        return None
    return next((wish for wish, pattern in _WISHES if pattern.search(folded)), None)
