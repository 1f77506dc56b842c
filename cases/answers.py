"""Short answers to a question, as people type them: yes, no, stop, I do not know; called by actions and the gateway.

A general classifier cannot judge them, because what they mean depends on what was asked.
"""

import re

from bot.normalise import fold as with_marks
from bot.normalise import has_accents, without_denied
from cases.codes import fold

# Folded, without accents.
YES = frozenset("gui;gui di;gui luon;gui nhe;ok;oke;okie;oki;dung;dung roi;dung r;u;uh;um;co;dong y;vang;da;da dung;"
                "chuan;chuan roi;dr;dr roi;okela;okie la;uk;uki;dc;dong tinh;gui ho;gui ho em;phai;phai roi;roi;"
                "duoc;yes;xac nhan;nhat tri;chinh xac".split(";"))  # fmt: skip
NO = frozenset("sua;sua lai;sai;sai roi;khong;ko;k;khong dung;chua dung;chua;khong phai;ko phai;k phai;hong phai;"
               "no;khong dong y".split(";"))  # fmt: skip
STOP = frozenset("huy;huy bo;thoi;bo;bo qua;dung lai;stop;khong gui;khong gui nua;thoi khong gui;thoi khong gui nua;"
                 "khong bao nua;de sau;cancel;huy di".split(";"))  # fmt: skip
UNKNOWN = frozenset("khong biet;toi khong biet;em khong biet;khong ro;toi khong ro;em khong ro;ko biet;k biet;chiu;"
                    "khong nho;bo qua;toi chiu;khong biet nua;khong biet phuong nao".split(";"))  # fmt: skip
_LAST = frozenset("a nhe nha em ban nhes oi ah".split())
_FIRST = frozenset("da vang thoi xin toi em minh chau the thi vay u uh uk a".split())
_YES_AND_MORE = re.compile(
    r"(?:(?:da|vang|u|um|oi|thi)[\s,.]+)*"
    r"(?:dung|chuan|chinh xac|ok\w{0,3}|duoc|gui|xac nhan|dong y|phai|nhat tri|vang|da|uk?|uh)"
    r"(?:\s(?:roi|r|day|vay|the|loai|di|luon|ngay|ho|giup|em|a|day a))*\b(?P<more>.*)",
    re.DOTALL,
)
_YET = re.compile(r"\d|\?|\b(?:nhung|ma|sai|sua|doi|them|bo sung|chua|khong|ko|thieu|nham|phuong|xa|quan|huyen)\b")

_GIVES_UP = r"(?:huy|khoi|de sau|dung gui|(?:khong|ko|k) (?:can|gui|bao|muon|lam|phai))"
_STOPPING = re.compile(
    r"^(?:(?:a|o|u|uh|da|vang|khong|ma|thi)[\s,.]+)*"
    rf"(?:thoi[\s,.]*(?:$|(?:nhe|em|a|ma)\b|{_GIVES_UP}\b)|huy\b|no thanks\b)"
    r"|\b(?:huy (?:nhe|di|ho|giup|luon|cho)|khoi (?:gui|can)|dung gui|khong (?:can|gui) (?:nua|dau)|bao thoi)\b"
    r"|\bnever mind\b"
)
_LOOKS_LIKE_IT = re.compile(
    r"\b(?:thối|thổi|thời|thoi|khói|khởi|khơi)\b"
)  # written with marks, no "thôi" and no "khỏi"
_GOES_ON = re.compile(r"\b(?:gui (?:di|giup|ho|cho|luon)|cu gui|duoc|ok|sua|sai|doi|nham)\b|\d")
_LONGEST_STOP = 14  # words


def stops(text: str) -> bool:
    """Whether somebody gives up what they began: "à thôi huỷ nhé, mấy anh vừa dọn rồi"; not "thôi cứ gửi đi"."""
    marked = with_marks(text)
    words = fold(_LOOKS_LIKE_IT.sub("-", marked) if has_accents(marked) else marked).strip()
    brief = len(words.split()) <= _LONGEST_STOP
    return brief and _STOPPING.search(words) is not None and _GOES_ON.search(words) is None


def plain(text: str) -> str:
    """As matched against the sets above: folded, no accents, no closing punctuation, no politeness around it."""
    words = fold(text).strip(" .!?,~^").split()
    while words and words[-1] in _LAST and len(words) > 1:
        words.pop()
    while words and words[0] in _FIRST and len(words) > 1 and " ".join(words) not in YES | STOP:
        words.pop(0)
    return " ".join(words)


def yes_and_more(text: str) -> str | None:
    """What follows a yes that takes nothing back ("đúng, nhanh lên" -> "nhanh lên"); None when it is no such."""
    match = _YES_AND_MORE.fullmatch(fold(text).strip())
    if match is None or _YET.search(match["more"]):
        return None
    return match["more"].strip(" .,!~")


def meant(text: str) -> str:
    """Folded, without what is said not to be so: "xây sai phép, không phải tiếng ồn" is about building."""
    return fold(without_denied(text))
