"""What a citizen wishes beside the report itself: nothing kept, no name, for somebody else, in English."""

import re

from cases.codes import fold

# Somebody who wants nothing kept is told the other ways (Luật Bảo vệ dữ liệu cá nhân 91/2025).
_KEPT = r"(?:thong tin|du lieu|noi dung|tin|loi|chuyen nay|gi|bat cu|bat ky|cai gi|nhung gi|thu gi)"
REFUSES = re.compile(
    r"\b(?:dung|cam|(?:khong|ko|k) (?:cho phep|dong y|dong tinh|cho|muon|duoc))(?: \w+){0,4}?"
    rf" (?:(?:luu|ghi lai|giu lai|thu thap)(?: lai| giu| tru)?(?: \w+){{0,1}}? {_KEPT}\b|luu(?= *(?:$|[,.;!?])))"
)
# The citizen wants what was just told to be filed after all ("có, ghi nhận giúp tôi", "không, cứ gửi riêng").
WANTS_FILED = re.compile(r"\b(?:gui|ghi nhan|phan anh|bao giup|bao ho|chuyen giup|lap ho so)\b")
# Help has come: what is told now is for the officers.
DANGER_OVER = re.compile(
    r"\b(?:don|dua|toi|den|goi|dap|tat|cuu|on|an toan|xong|qua)(?: \w+){0,2} roi\b|\b(?:dang|sap) (?:toi|den)\b"
)
# One matter is dropped and another begins in the same breath.
INSTEAD = re.compile(
    r"^(?:thoi )?(?:huy|bo|khong gui|dung gui)\b.{0,40}?\b(?:viec|chuyen|vu|cai) khac\b(?: la)?\W*(?P<rest>.+)$",
    re.DOTALL,
)
ANONYMOUS = re.compile(
    r"\b(?:an danh|giau ten|giu kin (?:ten|danh tinh)"
    r"|(?:khong|ko|dung|khoi|bo) (?:muon |duoc |can )?(?:neu|lo|de lo|tiet lo|ghi|de|luu|dua|viet) (?:ten|danh tinh))\b"
)
_ME = r"(?:(?:nha |ben )?(?:toi|em|minh|chau|con|tui|bac|co|chu|anh|chi|ong|ba)|chung (?:toi|em|minh|chau)|ben nha|nha)"
# The matter that was shown is theirs as well; asked only where one was shown.
_JOINS = re.compile(
    rf"^(?:(?:da|vang|u|uh|uk|ok|dung roi|dung)[ ,.!]+)*(?:{_ME} )?cung (?:dang )?(?:bi|gap|vay|the|nhu (?:vay|the))\b"
    rf"|\b(?:cho|xin)(?: {_ME})?(?: xin| duoc)? (?:cung )?(?:theo|tham gia|ghep|gop|nhap)\b"
    r"|\b(?:cung (?:theo doi|tham gia)|(?:theo doi|tham gia|theo) cung)\b"
)
_NOT = re.compile(r"\b(?:khong|ko|k|kg|dung co|thoi|chua|khoi)\b")
_LONGEST_WISH = 12  # words
# It shall be filed on its own all the same.
FILES_OWN = re.compile(
    r"\b(?:gui|bao|ghi|lap|nop|tach)(?: \w+){0,3}? (?:rieng|ho so (?:khac|moi)|don (?:khac|moi))\b|\bgui (?:di|luon)\b"
)
# Words of somebody who has reported before and now means another place or another matter.
ANOTHER = re.compile(
    r"\b(?:cho|noi|viec|vu|cai|diem|doan) (?:khac|nua|moi)\b|\bkhac (?:cho|viec|vu|noi)\b"
    r"|\bkhong phai (?:la )?(?:cho|viec|vu|cai)\b|\b(?:lan nay|gio lai) (?:la|o|co)\b"
)
# What was put into the earlier case belongs there.
STILL_THE_SAME = re.compile(
    r"\b(?:van|dung|chinh|la) (?:la )?(?:viec|vu|cho|quan|cai|ho so)\b|\bho so (?:cu|do|truoc|kia)\b"
    r"|\b(?:bo sung|them vao|ghi them)\b"
)
_RELATIVE = (
    r"(?:ba|me|bo|ong|bac|co|chu|di|cu|hang xom|nha ben|ban|nguoi quen|anh hang xom|chi hang xom)"
    r"(?: (?:noi|ngoai|hang xom|ben canh|toi|em|minh|cu|ho|nha ben|canh nha|gia|trong ngo|cung khu))*"
)
_BEHALF = re.compile(
    r"\b(?:toi|em|minh|chau|con) (?:xin |muon )?(?:bao|phan anh|gui|nhan|viet|nhan tin) "
    rf"(?:ho|giup|thay|dum) (?:cho )?(?P<who>{_RELATIVE})\b"
)
_ENGLISH = frozenset(
    "the is are and my in on of to there please help how what where can you your this for not have has i it we us just"
    " know good near was were our they with from but because letting today tomorrow yesterday name street house"
    " night every".split()
)


def wants_to_join(text: str) -> bool:
    """Whether a short answer says "so have I" ("tôi cũng bị", "cho tôi theo cùng"); a story is no such answer."""
    plain = fold(text)
    brief = len(plain.split()) <= _LONGEST_WISH
    return brief and bool(_JOINS.search(plain)) and not (_NOT.search(plain) or FILES_OWN.search(plain))


def on_behalf_of(text: str) -> str | None:
    """For whom somebody reports ("tôi báo giúp bà hàng xóm"), in the words used; None when for themselves."""
    plain = fold(text)
    match = _BEHALF.search(plain)
    if match is None:
        return None
    return text[match.start("who") : match.end("who")] if len(plain) == len(text) else match["who"]


def is_english(text: str) -> bool:
    """Whether a text is English throughout: a few English words among Vietnamese are no reason to change language."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return text.isascii() and len(words) >= 3 and sum(word in _ENGLISH for word in words) >= max(2, len(words) * 0.3)
