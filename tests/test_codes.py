"""Case codes survive phones, keyboards and hurry; the secret word opens only its own receipt."""

import random
import re
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.normalise import fold_plain, strip_accents
from cases.codes import find_code, load_secret_words, new_code, parse_code, secret_matches, secret_word
from tests.support import ROOT

CODE = "PA-482-913-773"
OTHER = "PA-100-000-006"
KEY, OLD_KEY = b"k" * 32, b"o" * 32


class Dice:
    """Randomness with a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def randbelow(self, exclusive_upper_bound: int, /) -> int:
        return self.random.randrange(exclusive_upper_bound)


CODES = st.integers(0, 10_000).map(lambda seed: new_code(Dice(seed)))


def test_the_samples_below_are_real_codes() -> None:
    assert parse_code(CODE) == CODE
    assert parse_code(OTHER) == OTHER


SHOWN = ("*/templates/**/*.html", "cases/**/*.py", "cases/catalogue/*", "docs/*.md", "README*.md", "domain.yml")


def test_every_example_that_people_read_is_a_real_code() -> None:
    """Who types the example by its digits is not told that it cannot be a code."""
    texts = [path.read_text("utf-8") for pattern in SHOWN for path in ROOT.glob(pattern)]
    examples = {code for text in texts for code in re.findall(r"PA-[0-9]{3}-[0-9]{3}-[0-9]{3}", text)}
    assert CODE in examples
    assert {code for code in examples if parse_code(code) != code} == set()


@given(CODES)
def test_a_new_code_reads_back_and_never_starts_with_zero(code: str) -> None:
    assert parse_code(code) == code
    assert code[3] != "0"


def test_codes_come_from_the_system_randomness_by_default() -> None:
    assert len({new_code() for _ in range(50)}) == 50


@given(CODES)
def test_any_single_wrong_digit_is_noticed(code: str) -> None:
    for place, digit in product((i for i, char in enumerate(code) if char.isdigit()), "0123456789"):
        wrong = code[:place] + digit + code[place + 1 :]
        assert wrong == code or parse_code(wrong) is None


@given(CODES)
def test_any_two_neighbours_swapped_are_noticed(code: str) -> None:
    digits = [char for char in code if char.isdigit()]
    for i in range(8):
        swapped = digits.copy()
        swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
        assert swapped == digits or parse_code("".join(swapped)) is None


@pytest.mark.parametrize(
    "typed",
    [
        "PA-482-913-773",
        "pa-482-913-773",
        "Pa 482 913 773",
        "PA482913773",
        "pa482.913.773",
        "P A 482 913 773",
        "482913773",
        "482-913-773",
        "482 913 773",
        "4 8 2 9 1 3 7 7 3",
        "  #PA-482-913-773. ",
        "pa: 482913773",
        "\uff30\uff21\uff0d\uff14\uff18\uff12\uff0d\uff19\uff11\uff13\uff0d\uff17\uff17\uff13",
        "PA\u2013482\u2013913\u2013773",
        "pá482913773",
        "PA-482-913-773\n",
        "PA\u00a0482\u00a0913\u00a0773",
    ],
)
def test_a_code_is_read_however_it_is_typed(typed: str) -> None:
    assert parse_code(typed) == CODE


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "PA",
        "PA-482-913-777",
        "482913",
        "PA-482-913-7738",
        "mã PA-482-913-773",
        "PA-082-913-773",
        "0912345678",
        "x" * 99,
    ],
)
def test_what_is_not_exactly_a_code_is_not_read(typed: str) -> None:
    assert parse_code(typed) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "cho em hỏi PA-482-913-773 xử lý đến đâu rồi ạ",
        "ma pa482913773 sao roi",
        "PA 482 913 773 2 ngày rồi chưa thấy gì",
        "hồ sơ 482-913-773 của tôi thế nào",
        "482 913 773 đến đâu rồi",
        "mã 482913773",
        "ma phan anh cua toi la 482913773 nhe",
        "Hồ sơ số 482913773 bao giờ xong",
        "tra cứu 482913773 giúp tôi với nhé em ơi",
        "482913773 ạ",
        "482913773",
        "số điện thoại tôi 0912345678, mã PA-482-913-773",
        "0912345678 PA482913773",
        "PA-482-913-777 à nhầm PA-482-913-773",
        "(PA-482-913-773)",
        "mã:482913773.",
        "mã hồ sơ là pa-482-913-773, gửi ngày 12/11/2026",
    ],
)
def test_a_code_is_found_in_a_sentence(sentence: str) -> None:
    assert find_code(sentence) == CODE


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "rác chất đống ở ngõ 12 Chùa Bộc",
        "mã 4829137731",
        "mã 1482913773",
        "PA-482-913-7731",
        "mã PA-482-913-777 sai rồi",
        "gọi tôi 84 482 913 773",
        "+84482913773",
        "(+84) 482 913 773",
        "0482 913 773",
        "0482913773",
        "số cmnd của tôi là 482913773",
        "CMND 482 913 773",
        "mã khách hàng 482913773",
        "tài khoản 482913773 nhé",
        "tôi bị lừa mất 482 913 773 đồng",
        "họ đòi 482913773 đ",
        "nhà tôi có cái biển ghi 482913773 trên tường",
        "nên gọi 112 113 115 số nào",
        "482/913/773",
        "12.482.913.773",
        "482 913 773 482",
        "spa482913773",
        "thẻ 4829 1377 8482 9137",
    ],
)
def test_no_code_is_seen_in_other_numbers(sentence: str) -> None:
    assert find_code(sentence) is None


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    find_code(text)
    parse_code(text)


def test_a_secret_is_two_short_words_and_two_digits() -> None:
    words = load_secret_words()
    assert max(len(word) for word in words) <= 12
    for seed in range(50):
        *nouns, number = secret_word(new_code(Dice(seed)), KEY).split()
        assert len(number) == 2
        assert number.isdigit()
        assert any(f"{one} {other}" == " ".join(nouns) for one in words for other in words)


def test_secrets_spread_over_words_and_numbers() -> None:
    secrets = [secret_word(new_code(Dice(seed)), KEY) for seed in range(1000)]
    assert len(set(secrets)) > 990
    assert len({secret[-2:] for secret in secrets}) == 100


def test_no_two_secrets_look_alike_once_accents_and_spaces_are_gone() -> None:
    bare = [fold_plain(word).replace(" ", "") for word in load_secret_words()]
    assert len({one + other for one in bare for other in bare}) == 256 * 256


def test_the_secret_depends_on_code_and_key_and_on_nothing_else() -> None:
    assert secret_word(CODE, KEY) == secret_word("pa482913773", KEY)
    assert secret_word(CODE, KEY) != secret_word(OTHER, KEY)
    assert secret_word(CODE, KEY) != secret_word(CODE, OLD_KEY)


@pytest.mark.parametrize(
    "retyped",
    [
        str,
        str.upper,
        lambda s: s.replace(" ", ""),
        lambda s: f"  {s} ",
        lambda s: s.replace(" ", "-"),
        lambda s: s + ".",
    ],
)
def test_the_secret_is_accepted_however_it_is_typed(retyped: Callable[[str], str]) -> None:
    for seed in range(20):
        code = new_code(Dice(seed))
        assert secret_matches(code, retyped(secret_word(code, KEY)), [KEY])


def test_the_secret_is_accepted_without_accents() -> None:
    for seed in range(20):
        code = new_code(Dice(seed))
        assert secret_matches(code, strip_accents(secret_word(code, KEY)), [KEY])


def test_a_secret_of_an_older_key_still_opens_and_a_dropped_key_does_not() -> None:
    old = secret_word(CODE, OLD_KEY)
    assert secret_matches(CODE, old, [KEY, OLD_KEY])
    assert not secret_matches(CODE, old, [KEY])
    assert not secret_matches(CODE, old, [])


@pytest.mark.parametrize("typed", ["", " ", "hoa sen", "47", "x" * 100_000])
def test_a_guess_does_not_open(typed: str) -> None:
    assert not secret_matches(CODE, typed, [KEY])


def test_the_secret_of_another_case_does_not_open() -> None:
    assert not secret_matches(CODE, secret_word(OTHER, KEY), [KEY])
