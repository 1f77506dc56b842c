"""What words say about a case that is already filed: done or not, stars, taken back, more to add, a secret word.

Pure; called by actions/case_wish, which knows what was asked. The patterns read words as `cases.spoken.heard` gives
them. The classifier's intents err on such short answers, so the words themselves decide, and the state says whether
there is anything they can be about.
"""

import re

from cases.codes import find_secret, fold

_NO = r"(?:khong|chang|cha|dau(?: co)?|chua)"
NOT_DONE = re.compile(
    r"\bchua(?: \w+){0,2}? (?:xong|giai quyet|xu ly|lam|don|sua|het|on|sach|thay|ai|duoc|dut diem|triet de|va)\b"
    r"|\bvan (?:con|chua)\b|\bcon (?:nguyen|y nguyen|nhu cu|nhu the)\b"
    r"|\bvan (?:chat|boc|on|bi|day|nguyen|do|ngap|tac|hong|tran|dong|thoi|hoi|keu"
    r"|toi|nhu|the|vay|vut|lan|chay|rot|nut|lu lu|chinh inh)\b"
    r"|\b(?:y nguyen|nguyen xi|nhu cu|dau (?:lai )?vao day|tai dien|bi lai|mo lai|xem lai giup|lam lai)\b"
    r"|\b(?:khong|chang|cha|dau) (?:thay |co )*(?:ai|gi|nguoi nao|ma nao)(?: \w+){0,2}"
    r" (?:lam|don|sua|den|xuong|toi|xu ly)\b"
    r"|\bda (?:\w+ )?dau\b|\bchua dau\b|\b(?:co|xong) (?:xong |lam |gi )?dau\b"
    r"|\bdau (?:da |co )?(?:xong|lam gi)\b|\bco (?:lam|xong) gi\b"
    r"|\blam gi co ai\b|\bco(?: (?!o\b|the\b|phai\b)\w+){1,3} dau\b"
    r"|\b(?:xong|giai quyet) (?:cai|gi|ma) (?:gi|xong|ma)\b|\bbao xong ma\b|\bnoi xao\b|\blam cho co\b"
    r"|^chua(?: a| dau| em| nhe| ban| oi)*$"
)
_DONE = re.compile(
    r"\b(?:don|sua|lam|lap|va|quet|hot|xu ly|giai quyet|khac phuc|on|tot|sach|sang|thong)"
    r"(?: (?:xong|sach|lai|het|ca|duoc|tot))* roi\b"
    r"|\bhet (?:ngap|rac|mui|hoi|on|tac|bui|ban|hong)\b|\bco (?:nuoc|dien|den|sang)(?: lai)? roi\b"
    r"|\bxong\b|\bsach se\b|\bbinh thuong (?:lai )?roi\b"
)
_NOT_OR_ASKED = re.compile(rf"\b(?:{_NO}|lai(?! roi| duoc)|nhung|ma|bao gio|khi nao|van|may gio|neu|sap)\b|\?")

# Beside these even "still" and "again" are no word about a result, but about what happens right now.
_DANGER = re.compile(
    r"\b(?:chay|no|cuu|chet|danh|dam|chem|dao|sung|tai nan|giat|ro (?:ri|dien|gas)|sap|mac ket|bat tinh|mau|trom|cuop"
    r"|xam hai|bao hanh|tu tu|song nua|nguy|toe lua|khoi)\b"
)

_AT = re.compile(r"\d|\b(?:o|tai|duong|pho|ngo|ngach|hem|phuong|xa|quan|huyen|thon|khu|chung cu|toa)\b")

_NUMBERS = {"mot": 1, "hai": 2, "ba": 3, "bon": 4, "tu": 4, "nam": 5}
_COUNT = r"(?P<n>\d{1,3}|mot|hai|ba|bon|tu|nam)"
_STARS = re.compile(
    rf"\b{_COUNT} ?(?:sao|\*|diem(?! (?:tap ket|den|nong|ngap|do|dung|mu|rac|giao|thu)))(?!\w)"
    rf"|\b{_COUNT.replace('<n>', '<of>')} ?(?:/|tren) ?(?:5|nam)\b"
    rf"|\b(?:cham|danh gia|rate|vote|cho em|cho han|cho)(?: \w+)? {_COUNT.replace('<n>', '<given>')}$"
)
# "Tôi chấm 2 điểm, làm được nhưng chậm quá": stars however much is said beside them.
_COUNTED = re.compile(
    rf"\b(?:cham|danh gia|cho|rate|vote)(?: \w+){{0,2}} {_COUNT} ?(?:sao|\*|diem)(?!\w)(?! (?:tap|den|nong))"
)
_BARE = re.compile(rf"^(?:so |chon |cho |cham )*{_COUNT}(?: nhe| a| em| thoi| di)*$")
_SATISFIED = (
    (re.compile(rf"\b{_NO} (?:duoc )?(?:he )?(?:hai long|tot|on|vua y)\b"), 2),
    (re.compile(r"\b(?:that vong|qua te|te qua|rat te|qua kem|rat kem|buc minh|buc xuc)\b"), 1),
    (re.compile(r"\b(?:rat|qua|cuc ky|cuc|vo cung) (?:la )?(?:hai long|tot|tuyet|ung y|ung|uoi)\b|\btuyet voi\b"), 5),
    (re.compile(r"\b(?:hai long|ung y|tot|ung)(?: lam| qua)\b"), 5),
    (re.compile(r"\b(?:tam (?:duoc|on|tam)|binh thuong|tam tam|cung duoc|tuong doi)\b"), 3),
    (re.compile(r"\b(?:hai long|ung y|vua y|tot)\b"), 4),
)
_VERY = re.compile(r"\b(?:rat|qua|cuc ky|hoan toan|vo cung) ")
MOST_RATING_WORDS = 10
MOST_DONE_WORDS = 8

MOST_WITHDRAWAL_WORDS = 14
_FILED = r"(?:ho so|phan anh|don(?: thu)?|kien nghi|bao cao)"
_WORK = r"phan anh|ho so|xu ly|giai quyet|ai|den|toi|lam|don|sua|gui|bao|gi|ho tro|kiem tra|xuong|phuong|can bo|nay|do"
_FILLER = r"(?: (?:lai|giup|ho|cai|di|luon|cho|toi|em|minh|chau|bac|anh|nay|toan|bo|ca|het|cac|nhung|mot|vu|ban))*"
WITHDRAW = re.compile(
    rf"\b(?:rut|huy|huy bo|thu hoi){_FILLER} (?:{_FILED}|yeu cau|vu|viec|ma|cai)\b|\b(?:bo|xoa){_FILLER} {_FILED}\b"
    rf"|\b(?:khong|khoi|chang|het) can(?: (?:{_WORK}))* (?:nua|dau)\b"
    rf"|\b(?:khong|chang) muon (?:{_WORK})(?: (?:{_WORK}))* nua\b"
    r"|\b(?:khong|khoi) can (?:xu ly|giai quyet|den|lam|phan anh|nhe|a)\b|\bkhoi can\b|\bkhong can (?:nua )?dau\b"
    rf"|\b{_FILED}(?: nay| do| kia| ay)* (?:rut|huy|bo)(?: di| giup| nhe| luon)\b|\brut lai(?: di| giup| nhe| ho|$)"
    r"|\b(?:dung|khoi|thoi) (?:xu ly|giai quyet)\b|\bthoi khoi\b"
    r"|\b(?:khong|khoi|thoi) (?:gui|bao|phan anh|kien nghi)(?: \w+){0,2} nua\b"
)
_CALLED_OFF = re.compile(r"\b(?:rut|huy|thu hoi)\b")  # with a code of a case beside it
_NOT_OFF = re.compile(
    r"\b(?:dung|khong|chua|sao|ai|tu y|bi|da|tai|vi sao|cu) (?:\w+ )?(?:rut|huy|xoa)\b"
    r"|\b(?:goc|dich vu cong|bao hiem|bhxh|quyet dinh|giay|tien|thi|hoc|dong y|giay phep|o cam|ruot"
    r"|du lieu|thong tin|tai khoan|to cao|khieu nai)\b"
)

_KEEPS = re.compile(
    r"\b(?:dung|khong|chua|khoi|thoi) (?:\w+ )?(?:rut|huy|xoa)\b|\bcu de\b|\bgiu (?:lai|nguyen)\b"
    r"|^thoi(?: nhe| a| em| di)*$"
)

_LEFT = r"(?: (?:toi|em|minh|chau|con|bac|anh|chi|giup|ho|cho|lai|viec|vu|muon|can|nen|con|thi|xin|duoc|phai|cung))*"
_LEAVES = re.compile(
    rf"\b(?:bo|huy|huy bo|ngung|dung|thoi|tat|rut|roi|khoi){_LEFT} theo doi\b(?! (?:toi|em|minh|chau)\b)"
    rf"|\b(?:khong|chang) (?:muon|can|phai|thich){_LEFT} theo doi\b|\b(?:khong|chang){_LEFT} theo doi\b.*\bnua\b"
    r"|\b(?:dung|khong|khoi|thoi|ngung)(?: (?:can|muon|phai|gui|cho|toi|em|minh|nhan))* (?:bao|nhan) (?:tin|ket qua)\b"
    r".*\bnua\b"
)
_NOT_LEFT = re.compile(
    r"\b(?:sao|ai|tu y|bi|da|chua|dung co|can bo|phuong|co quan) (?:\w+ )?(?:bo|huy|dung) theo doi\b"
    r"|\b(?:oa|zalo|trang|kenh|page|fanpage|facebook|nhom|camera|suc khoe)\b"
)
_STAYS = re.compile(
    r"\b(?:dung|khong|chua|khoi) (?:bo|huy|thoi|ngung|rut)\b|\b(?:van|cu)(?: \w+){0,2} theo doi\b|\btheo doi tiep\b"
    r"|(?<!khong )\btiep tuc\b|\bgiu (?:lai|nguyen)\b|\bcu de\b"
)
_LEAVES_SHORT = re.compile(r"^(?:da |vang |thoi )*(?:bo|thoi|huy)(?: (?:di|nhe|a|giup|ho|toi|em|luon|no))*$")

_ADDS = re.compile(
    r"\b(?:bo sung|gui them|noi them|bao them|viet them|nhan them|ke them|cung cap them"
    r"|them (?:thong )?tin|them chi tiet|them anh|them hinh)\b"
)
# A report of theirs is spoken of: "hôm trước em có gửi phản ánh ổ gà, giờ nói thêm là ...".
_EARLIER = re.compile(r"\b(?:da|co|vua|moi|tung) (?:gui|bao|phan anh)\b")
_CODE = re.compile(r"\b(?:pa|ma)?[ -]?\d{3}[ -]?\d{3}[ -]?\d{3}\b|\bpa\b")
_ADDS_NOTHING = re.compile(
    r"\b(?:cho|xin|toi|em|minh|chau|con|bac|anh|chi|co|chu|muon|can|dinh|duoc|bo sung|gui|noi|cung cap|ke|nhan|them"
    r"|thong tin|noi dung|mot|it|vai|chut|cai|tam|hinh|may|ho so|phan anh|hom|truoc|qua|nay|kia|vua|roi|da|cu|cua|vao"
    r"|don|tin|chi tiet|bao|viet|vu"
    r"|cho|ve|voi|nhe|a|nha|thi|lam|sao|the|nao|o|dau|khong|va|la|ma|so|xong|giup|alo|chao|oi|ban|day|de|tiep|nua)\b"
)
_NOTHING_MORE = re.compile(
    r"^(?:da |vang |thoi |a )*(?:thoi|khong|khong co(?: gi)?|khong co gi(?: them| nua)?|het roi|the thoi|vay thoi"
    r"|khong can|khong a|huy|bo qua|du roi|khong them gi|khoi|khong can nua)(?: nhe| a| em| dau| nua| cam on| them)*$"
)
_MINE = re.compile(
    r"^(?:(?:cho|xin) (?:toi |em |minh |bac |chau )?)?(?:(?:xem|tra|tra cuu|liet ke|danh sach|kiem tra|coi|mo|hoi) )*"
    r"(?:lai )?(?:cac |nhung |may )?(?:ho so|phan anh|don)(?: (?:da gui|truoc|cu|truoc day))?"
    r"(?: cua)? ?(?:toi|minh|em|chau|tui|tao|bac|co|chu|anh|chi|mk|t)"
    r"(?: (?:dau|dau roi|den dau|den dau roi|the nao|the nao roi|sao roi|a|nhe|voi|di))*$"
)
_SECRET_MARK = re.compile(
    r"\b(?:tu|ma|mat khau|chu) bi mat(?: (?:la|cua toi|cua em|cua ho so|tra cuu|de tra cuu))*\W*(?P<rest>.*)$"
)
_SECRET_LOST = re.compile(
    r"\b(?:quen|lam mat|khong (?:nho|biet|con|thay|co))\b.*\b(?:tu|ma|mat khau|chu) bi mat\b"
    r"|\b(?:tu|ma|mat khau|chu) bi mat\b.*\b(?:quen|mat roi|khong (?:nho|biet|con|thay|co)|la gi|o dau|nao)\b"
)
MOST_SECRET_WORDS = 7


def says_not_done(plain: str) -> bool:
    return NOT_DONE.search(plain) is not None


def says_done(plain: str) -> bool:
    """A few words, neither a question nor a no, that say the matter is dealt with."""
    short = len(plain.split()) <= MOST_DONE_WORDS
    return short and _DONE.search(plain) is not None and _NOT_OR_ASKED.search(plain) is None


def speaks_of_danger(plain: str) -> bool:
    return _DANGER.search(plain) is not None


def names_place(plain: str) -> bool:
    """Whether a place that was found in the words is meant: short words without accents resemble many names."""
    return len(plain.split()) >= MOST_DONE_WORDS or _AT.search(plain) is not None


def stars_in(plain: str, *, asked: bool) -> str | None:
    """The stars given, "1" to "5"; "?" for a number that is none of them; None when the words give none.

    A bare number and a dissatisfied word are stars only when they were `asked` for.
    """
    counted, few = _COUNTED.search(plain), len(plain.split()) <= MOST_RATING_WORDS
    if not few and counted is None:
        return None
    found = (_BARE.search(plain) if asked else None) or counted or _STARS.search(plain)
    if found is not None:
        said = next(group for group in found.groups() if group)
        stars = _NUMBERS.get(said) or int(said)
        return str(stars) if 1 <= stars <= 5 else "?"
    return _stars_in_words(plain, asked=asked)


def _stars_in_words(plain: str, *, asked: bool) -> str | None:
    if "?" in plain:
        return None
    for pattern, stars in _SATISFIED:
        if pattern.search(plain):
            worst = 1 if stars == 2 and _VERY.search(plain) else stars
            satisfied = stars == 5 or (stars == 4 and "hai long" in plain)
            return str(worst) if asked or satisfied else None
    return None


def wants_withdrawal(plain: str, *, coded: bool) -> bool:
    """Whether a filed case shall not be worked any more; `coded` says that the words name one by its code."""
    if _NOT_OFF.search(plain) or (not coded and len(plain.split()) > MOST_WITHDRAWAL_WORDS):
        return False
    return WITHDRAW.search(plain) is not None or (coded and _CALLED_OFF.search(plain) is not None)


def keeps(plain: str) -> bool:
    """No to the question whether a case shall be taken back: "thôi đừng rút", "cứ để đấy"."""
    return _KEEPS.search(plain) is not None


def leaves(plain: str, *, asked: bool = False) -> bool:
    """Whether a case of somebody else shall not be followed any more: "bỏ theo dõi", "không cần theo dõi nữa".

    To the question whether they leave it a mere "bỏ đi" says so as well.
    """
    if asked and _LEAVES_SHORT.search(plain):
        return True
    if len(plain.split()) > MOST_WITHDRAWAL_WORDS or _NOT_LEFT.search(plain) or stays(plain):
        return False
    return _LEAVES.search(plain) is not None


def stays(plain: str) -> bool:
    """No to the question whether they follow a case no more: "vẫn theo dõi", "đừng bỏ"."""
    return _STAYS.search(plain) is not None


def adds(plain: str) -> bool:
    return _ADDS.search(plain) is not None


def adds_to_earlier(plain: str) -> bool:
    """Whether there is more to tell of a report that was sent before, whatever it is called."""
    return adds(plain) and _EARLIER.search(plain) is not None


def adds_nothing(plain: str) -> bool:
    """Whether the wish to add something is all that is said, without what."""
    return len(re.findall(r"[a-z]{2,}", _ADDS_NOTHING.sub(" ", _CODE.sub(" ", plain)))) == 0


def has_nothing_more(plain: str) -> bool:
    return _NOTHING_MORE.search(plain) is not None


def asks_for_own(plain: str) -> bool:
    """ "Hồ sơ của tôi", "cho em xem các phản ánh đã gửi của em" and nothing else."""
    return _MINE.search(plain) is not None


def secret_in(text: str) -> str | None:
    """What is offered as the secret word of a receipt: words of its shape, or whatever is called so."""
    found = find_secret(text)
    if found is not None:
        return found
    marked = _SECRET_MARK.search(fold(text))
    return (marked["rest"].strip() or None) if marked else None


def lost_the_secret(plain: str) -> bool:
    return _SECRET_LOST.search(plain) is not None


def may_be_secret(text: str) -> bool:
    """Whether words after the question for the secret can be tries at it, however wrong."""
    return 0 < len(text.split()) <= MOST_SECRET_WORDS
