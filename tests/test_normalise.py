"""bot.normalise: one comparable form for Vietnamese however it was typed."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.normalise import (
    collapse_elongation,
    expand,
    fold,
    fold_plain,
    has_accents,
    is_emoji_only,
    nfc,
    strip_accents,
)

VIETNAMESE = st.text(alphabet="aàáảãạăằâầeèêềiìoòôồơờuùưừyỳđqhgnt AOĐ\u0300\u0301\u0309\u0303\u0323\u200b ?.,\n")
ANY = st.one_of(st.text(), VIETNAMESE)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Hoà Bình", "hòa bình"),
        ("Hòa Bình", "hòa bình"),
        ("HOÀNG", "hoàng"),
        ("khoẻ", "khỏe"),
        ("toè", "tòe"),
        ("thuỷ", "thủy"),
        ("luỹ", "lũy"),
        ("Quý", "quý"),
        ("quỳ gối", "quỳ gối"),
        ("quà", "quà"),
        ("khuỷu", "khuỷu"),
        ("hoạt", "hoạt"),
        ("huỳnh", "huỳnh"),
        ("ngoài", "ngoài"),
        ("xoè\u0301", "xoè\u0301"),
        ("  Ngõ\t12\n Chùa   Bộc ", "ngõ 12 chùa bộc"),
        ("ra\u0301c", "rác"),
        ("tiê\u0301ng", "tiếng"),
        ("r\u200bác\u202e\ufeff", "rác"),
        ("Hoà, Loá!", "hòa, lóa!"),
        ("hoà1", "hòa1"),
        ("", ""),
    ],
)
def test_folding_makes_spellings_of_one_word_equal(written: str, folded: str) -> None:
    assert fold(written) == unicodedata.normalize("NFC", folded)


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("Đống Đa", "Dong Da"),
        ("đường Nguyễn Trãi", "duong Nguyen Trai"),
        ("ưỡn ẹo", "uon eo"),
        ("ra\u0301c", "rac"),
        ("naïve", "naive"),
        ("한국어 مرحبا", "한국어 مرحبا"),
        ("123 😀", "123 😀"),
    ],
)
def test_accents_are_taken_off_and_nothing_else(written: str, bare: str) -> None:
    assert strip_accents(written) == bare


@pytest.mark.parametrize(
    ("text", "expected"),
    [("rac thai", False), ("rác", True), ("duong Đ", True), ("ra\u0301c", True), ("😀", False), ("ơi", True)],
)
def test_accents_are_noticed(text: str, expected: bool) -> None:
    assert has_accents(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("😀", True),
        ("👍🏽 👍", True),
        ("❤️", True),
        ("👨‍👩‍👧", True),
        ("🇻🇳", True),
        ("1️⃣", True),
        ("\U0001fae0", True),
        ("", False),
        (" ", False),
        ("ok 😀", False),
        ("1", False),
        ("...", False),
        ("\u200d", False),
    ],
)
def test_emoji_alone_are_told_from_text(text: str, expected: bool) -> None:
    assert is_emoji_only(text) is expected


@pytest.mark.parametrize(
    ("stretched", "plain"),
    [
        ("ơiiiii", "ơi"),
        ("quáaaa", "quá"),
        ("chán lắmmmm", "chán lắm"),
        ("cứu", "cứu"),
        ("xoong", "xoong"),
        ("100000", "100000"),
        ("!!!!", "!!!!"),
        ("hưu", "hưu"),
    ],
)
def test_stretched_letters_come_back_to_one(stretched: str, plain: str) -> None:
    assert collapse_elongation(stretched) == plain


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("em ko dc giúp", "em không được giúp"),
        ("k, j?", "không, gì?"),
        ("p bách khoa", "phường bách khoa"),
        ("p. bách khoa, q. 1", "phường. bách khoa, quận. 1"),
        ("p ơi", "p ơi"),
        ("q", "q"),
        ("50k", "50k"),
        ("den hong", "den hong"),
        ("8 h sáng", "8 h sáng"),
        ("", ""),
    ],
)
def test_abbreviations_are_written_out_only_when_they_are_sure(short: str, long: str) -> None:
    assert expand(short) == long


@given(ANY)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold_plain(fold_plain(text)) == fold_plain(text)


@given(ANY)
def test_composed_and_decomposed_input_fold_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(VIETNAMESE)
def test_the_bare_form_of_vietnamese_has_no_accents(text: str) -> None:
    assert not has_accents(fold_plain(text))
    assert fold_plain(text) == fold_plain(strip_accents(text))


@given(ANY)
def test_no_text_breaks_any_of_them(text: str) -> None:
    for function in (nfc, strip_accents, fold, fold_plain, has_accents, is_emoji_only, collapse_elongation, expand):
        function(text)


@pytest.mark.parametrize(
    "piece",
    ["a\u0301\u0323", "\u0301\u0323", "à", "😀", "oà ", "aaaa", "\u200b", "p ", "1\u20e3", "\u0345\u0301", " \n"],
)
def test_a_megabyte_takes_seconds_not_minutes(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.perf_counter()
    for function in (fold_plain, has_accents, is_emoji_only, collapse_elongation, expand):
        function(text)
    assert time.perf_counter() - began < 5
