"""Raw Telex and VNI keystrokes back to letters ("rasc ddeer ddaafu ngox" -> "rác để đầu ngõ"), for `bot.normalise`.

They appear when somebody types as on a Vietnamese keyboard while the phone's is an English one. A word is read as
keystrokes only when it spells no syllable as it stands and does after decoding, and only in a text that shows enough
of it: "bus", "gas" and "taxi" would all decode. Stdlib only; time linear in the length of the text.
"""

import re
from collections.abc import Callable

from bot.syllables import is_plain, with_tone

_TELEX_TONES = {"s": 1, "f": 2, "r": 3, "x": 4, "j": 5}
_VNI_TONES = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
_TELEX_HATS = {"a": "â", "e": "ê", "o": "ô"}
_VNI_MARKS = {"6": {"a": "â", "e": "ê", "o": "ô"}, "7": {"o": "ơ", "u": "ư"}, "8": {"a": "ă"}, "9": {"d": "đ"}}
_HORNS = {"a": "ă", "o": "ơ", "u": "ư"}
_VOWELS = frozenset("aeiouyăâêôơư")
_WORD = re.compile(r"[^\W_]+")
_HALF_HORNED = re.compile("ưo|uơ(?=.)")
_LONGEST = 12  # "nghieengs" and a key or two more
_SHORT_TEXT = 3  # up to this many words one certain word is enough
_ENOUGH_WORDS = 2
_ENOUGH_SHARE = 0.2
# Keys that neither English nor Vietnamese without marks would have there.
_TELEX_SURE = re.compile(r"^dd|aa|ee|oo|[aou][^\W_]{0,2}w|^[^\W_]*[aeiouy][^\W_]*j|[aeiouy][^\W_]{0,3}f$")
_VNI_SURE = re.compile(r"^d9|[aeiou][^\W_]{0,3}[1-9][a-z]|[aeou][6-8]|[aeiouy][6-9][1-5]$")
_HAT_KEYS = re.compile("aa|ee|oo|w")
# English and teencode words that would decode to a syllable.
_LEFT_ALONE = frozenset(
    "as is us his this has was her or for far car bar bus gas box fax max mix tax taxi visa six sex fix max tips his "
    "as tour four our your hour air fair hair chair door poor or war star her per sir are more sure here there where "
    "see been teen seen green room soon moon noon too look now how low row law show view new few own down town of if "
    "off half self leaf beef roof golf surf hix hixx kaka haha hihi hehe huhu hoho mama papa baba wa wi was wow raw "
    "saw ads os pos sms css las los his lens plus boss less miss class press pass kiss cross gross loss guess bass "
    "mess cars bars buses times pos plus menus photos videos bonus campus virus status canvas busways app oto "
    "sr srs ox ex max pax wax lux flex relax index complex next text tex mex hex rex loa loai".split()
)


def decode(text: str) -> str:
    """The text with raw Telex or VNI words as letters; everything else, and any text without such words, as it was."""
    words = list(_WORD.finditer(text))
    if len(text) < 2 or not words:
        return text
    for read, sure in ((_telex, _TELEX_SURE), (_vni, _VNI_SURE)):
        found = _readings(words, read)
        if found and _shows(found, sum(1 for word in words if not word.group().isdigit()), sure, text.isascii()):
            return _replaced(text, words, found)
    return text


def _readings(words: list["re.Match[str]"], read: Callable[[str], str | None]) -> dict[int, tuple[str, str]]:
    """By position: the word in lower case and the syllable it decodes to."""
    found = {}
    for n, match in enumerate(words):
        word = match.group().lower()
        if len(word) > _LONGEST or not word.isascii() or is_plain(word):
            continue
        if word in _LEFT_ALONE and not _HAT_KEYS.search(word):
            continue
        syllable = read(word)
        if syllable:
            found[n] = (word, syllable)
    return found


def _shows(found: dict[int, tuple[str, str]], words: int, sure: "re.Pattern[str]", ascii_only: bool) -> bool:
    """Whether a text of so many words was typed as keystrokes; where marks were typed as well, next to nothing is."""
    certain = sum(1 for word, _ in found.values() if word not in _LEFT_ALONE and sure.search(word))
    if not ascii_only:
        return certain >= _ENOUGH_WORDS and certain >= _ENOUGH_SHARE * words
    if words <= _SHORT_TEXT:
        return certain >= 1 or (len(found) >= _ENOUGH_WORDS and sure is _TELEX_SURE)
    return certain >= 1 and len(found) >= _ENOUGH_WORDS and len(found) >= _ENOUGH_SHARE * words


def _replaced(text: str, words: list["re.Match[str]"], found: dict[int, tuple[str, str]]) -> str:
    pieces, end = [], 0
    for n, (_, syllable) in found.items():
        typed = words[n].group()
        pieces += [text[end : words[n].start()], _as_cased(syllable, typed)]
        end = words[n].end()
    return "".join([*pieces, text[end:]])


def _as_cased(syllable: str, typed: str) -> str:
    if len(typed) > 1 and typed.upper() == typed:
        return syllable.upper()
    return syllable.capitalize() if typed[0].isupper() else syllable


def _telex(word: str) -> str | None:
    letters: list[str] = []
    tone = 0
    for key in word:
        if key in _TELEX_TONES and not _VOWELS.isdisjoint(letters):
            if tone:
                return None
            tone = _TELEX_TONES[key]
        elif key == "w":
            _horn(letters)
        elif not (key in _TELEX_HATS and _mark_last(letters, {key: _TELEX_HATS[key]})):
            if key == "d" and letters[:1] == ["d"]:
                letters[0] = "đ"
            else:
                letters.append(key)
    return _syllable(letters, tone, word)


def _vni(word: str) -> str | None:
    if word.isalpha() or not word[0].isalpha():
        return None
    letters: list[str] = []
    tone = 0
    for key in word:
        if key in _VNI_TONES:
            if tone or _VOWELS.isdisjoint(letters):
                return None
            tone = _VNI_TONES[key]
        elif key in _VNI_MARKS:
            if not _mark_last(letters, _VNI_MARKS[key]):
                return None
        elif key.isdigit():
            return None
        else:
            letters.append(key)
    return _syllable(letters, tone, word)


def _syllable(letters: list[str], tone: int, word: str) -> str | None:
    spelt = _HALF_HORNED.sub("ươ", "".join(letters))
    syllable = with_tone(spelt, tone)
    return syllable if syllable and syllable != word else None


def _mark_last(letters: list[str], marks: dict[str, str]) -> bool:
    """Marks the last letter that can carry it; whether there was one."""
    for n in range(len(letters) - 1, -1, -1):
        if letters[n] in marks:
            letters[n] = marks[letters[n]]
            return True
    return False


def _horn(letters: list[str]) -> None:
    """What the key w does: "uo" together, else the last a, o or u, else a letter ư of its own."""
    spelt = "".join(letters)
    at = max(spelt.rfind("uo"), spelt.rfind("ưo"))
    if at >= 0:
        letters[at : at + 2] = ["ư", "ơ"]
    elif not _mark_last(letters, _HORNS):
        letters.append("ư")
