"""How Vietnamese syllables are spelt: tables and tone placement; called by `bot.keystrokes` and `bot.augment` (stdlib).

Spelling follows Quyết định 240/QĐ of 1984 of the Ministry of Education, tone marks stand where keyboards of the phones
put them (old style: hòa, thủy), which is the form `bot.normalise.fold` compares in.
"""

ONSETS = frozenset("b c ch d đ g gh gi h k kh l m n ng ngh nh p ph q qu r s t th tr v x".split()) | {""}
RHYMES = frozenset(
    "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây "
    "e ec em en eng eo ep et ê êch êm ên ênh êp êt êu i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu "
    "o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi om on ong oong ooc "
    "op ot ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât uây uc uê uêch uênh ui um un ung uơ up ut uy uya "
    "uych uyên uyêt uyn uynh uyp uyt uyu uôc uôi uôm uôn uông uôt ư ưa ưc ưi ưng ưt ưu ươc ươi ươm ươn ương ươp ươt "
    "ươu y yêm yên yêng yêt yêu".split()
)
_MARKED = {
    vowel: marked
    for vowel, marked in zip(
        "aăâeêioôơuưy",
        "aáàảãạ ăắằẳẵặ âấầẩẫậ eéèẻẽẹ êếềểễệ iíìỉĩị oóòỏõọ ôốồổỗộ ơớờởỡợ uúùủũụ ưứừửữự yýỳỷỹỵ".split(),
        strict=True,
    )
}
_READ = {letter: (vowel, tone) for vowel, marked in _MARKED.items() for tone, letter in enumerate(marked)}
_BARE = str.maketrans("ăâđêôơư", "aadeoou")
_HATTED = "ơêôâăư"  # which letter of a rhyme carries the tone before all others, in this order
# Without "oong": "khoong" is far more often the keystrokes of "không" than "xoong" is a pan.
_BARE_RHYMES = frozenset(rhyme.translate(_BARE) for rhyme in RHYMES - {"oong", "ooc"})
_LONGEST_ONSET = 3


def split(letters: str) -> tuple[str, str] | None:
    """Onset and rhyme of lower-case letters without tone, or None when no Vietnamese syllable is spelt so."""
    return _split(letters, RHYMES)


def is_plain(word: str) -> bool:
    """Whether lower-case letters without any mark spell a syllable ("nuoc", "ngo")."""
    return word.isascii() and _split(word, _BARE_RHYMES) is not None


def with_tone(letters: str, tone: int) -> str | None:
    """The syllable with its tone mark (0 none, 1 sắc ... 5 nặng), or None when it cannot be one."""
    parts = split(letters)
    if parts is None or (parts[1].endswith(("c", "ch", "p", "t")) and tone not in (1, 5)):
        return None
    onset, rhyme = parts
    place = len(onset) + _tone_place(rhyme)
    return letters[:place] + _MARKED[letters[place]][tone] + letters[place + 1 :]


def without_tone(word: str) -> tuple[str, int]:
    """A lower-case NFC word's letters without tone mark, and the tone (0 to 5; the last one when there are several)."""
    letters, tone = [], 0
    for letter in word:
        vowel, mark = _READ.get(letter, (letter, 0))
        letters.append(vowel)
        tone = mark or tone
    return "".join(letters), tone


def _split(letters: str, rhymes: frozenset[str]) -> tuple[str, str] | None:
    for length in range(min(_LONGEST_ONSET, len(letters)), -1, -1):
        onset, rhyme = letters[:length], letters[length:]
        if onset in ONSETS and rhyme in rhymes:
            return onset, rhyme
    return None


def _tone_place(rhyme: str) -> int:
    for letter in _HATTED:
        if letter in rhyme:
            return rhyme.index(letter)
    vowels = len(rhyme) - len(rhyme.lstrip("aeiouy"))
    ends_open = vowels == len(rhyme)
    return 1 if vowels == 3 or (vowels == 2 and not ends_open) else 0
