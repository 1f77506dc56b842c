"""What words amount to, without Rasa: matter, politeness, question, address, command; called by reader and opening."""

import re

from cases.codes import fold

LONGEST_STORY = 5000  # characters
_OPENING = re.compile(
    r"\b(?:cho|xin|toi|em|anh|chi|minh|chau|co|bac|muon|can|nho|duoc|gui|phan anh|kien nghi|khieu nai|to cao|bao|voi"
    r"|(?:xu ly|giai quyet|xem|kiem tra|can thiep)(?= (?:giup|ho|dum|voi|di|nhe|ngay)\b)"
    r"|a|oi|mot|viec|van de|chuyen|la|the nay|nhu sau|ve|len|phuong|xa|quan|thanh pho|giup|ad|alo|hello|chao|nhe"
    r"|cho nay|cho do|cho kia|cho ay|noi nay|noi do|day|do|nay|kia|ay|vi tri)\b"
)
QUESTION = re.compile(
    r"\?|\b(?:the nao|lam sao|o dau|bao gio|khi nao|may gio|bao nhieu|can gi|la gi|co phai|nhu nao)\b"
)


ADDRESS_CUE = re.compile(
    r"\d|\b(?:gan|canh|doi dien|ngo|ngach|hem|pho|duong|to|thon|xom|lang|khu|cong|cho|truong|chua|so|dau|cuoi"
    r"|toa|phuong|xa|quan|huyen|chung cu|ho|cau)\b"
)
# What a citizen wants changed at the summary, said in words.
EDITS = {
    "location": re.compile(
        r"\b(?:dia chi|dia diem|cho do|noi nay|vi tri|so nha|sai phuong|sai duong|sai ngo|nham phuong|nham cho)\b"
    ),
    "category": re.compile(r"\b(?:linh vuc|loai viec|sai loai|nham loai|chuyen muc)\b"),
    "description": re.compile(r"\b(?:noi dung|mo ta|sai viec)\b"),
}
WRONG = re.compile(r"\b(?:sai|sua|nham|doi|chua dung|khong dung|(?:khong|ko|k|hong) phai|viet lai|ghi lai)\b")
_RATHER = re.compile(r"\b(?:khong|ko|chu khong) phai\b.{0,60}?(?:,| ma | chu )\s*(?:ma |la |o |phai la )*(?P<rest>.+)$")
_PART = re.compile(r"\b(?P<kind>so nha|so|ngo|ngach|hem|kiet|toa)\s*(?P<number>\d+[a-z]?(?:/\d+[a-z]?)*)")


def meant_instead(text: str) -> str:
    """Of "không phải Láng, là Kim Liên" the part that holds; any other text as it is."""
    plain = fold(text)
    match = _RATHER.search(plain)
    return text[match.start("rest") :] if match and len(plain) == len(text) else text


IS_NOT = re.compile(r"\b(?:khong|ko|k|hong) phai\b")  # how a correction begins: the category follows its other half


def patched_address(known: str, new: str) -> str:
    """An address with one of its numbers corrected: "ngõ 15" over "ngõ 12 Chùa Bộc" is "ngõ 15 Chùa Bộc"."""
    plain, correction = fold(known), _PART.search(fold(new))
    if correction is None or not known:
        return new or known
    for match in _PART.finditer(plain) if len(plain) == len(known) else ():
        if match["kind"] == correction["kind"]:
            return known[: match.start("number")] + correction["number"] + known[match.end("number") :]
    return f"{new.strip(' ,.')}, {known}"


NOT_KNOWN = re.compile(r"\b(?:khong|ko|k|hong|chang|cha|chua|nao) (?:biet|ro|nho)\b|\bchiu\b")
_NUMBER = re.compile(r"(?:(?:so|chon|chon so|cai thu|thu)\s+)?\d{1,2}[.)]?")


_SWEARING = re.compile(
    r"(?<!\w)(?:đ[mck]m?|dmm?|đcm|dcm|vcl|vkl|vl|clgt|đéo|địt|cặc|lồn|đĩ|đụ|cứt)(?!\w)", re.IGNORECASE
)


def without_swearing(text: str) -> str:
    """How we repeat somebody's words to them; what is stored stays as written."""
    return _SWEARING.sub("…", text)


def is_bare_number(text: str) -> bool:
    """Whether a text is a choice by number and nothing else; one that fits no option is no address either."""
    return _NUMBER.fullmatch(fold(text).strip()) is not None


def joined(known: str | None, new: str) -> str:
    """The story so far with what was added, bounded: the conversation itself keeps every word."""
    return new[:LONGEST_STORY] if known is None else f"{known}\n{new}"[:LONGEST_STORY]


def content_words(text: str) -> int:
    """Words left when greetings and "I would like to report" are taken away."""
    return len(re.findall(r"\w{2,}", _OPENING.sub(" ", fold(text))))
