"""Phone, paper and card numbers never travel on; what a report needs (addresses, money, dates, plates) stays."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.masking import CARD, PAPER, PHONE, mask

MOBILE, LANDLINE = "0912345678", "02438251234"

PHONES = [
    ("gọi em 0912345678 nhé", f"gọi em {PHONE} nhé", MOBILE),
    ("0912 345 678", PHONE, MOBILE),
    ("0912.345.678", PHONE, MOBILE),
    ("0912-345-678", PHONE, MOBILE),
    ("0912 34 56 78", PHONE, MOBILE),
    ("09 12 34 56 78", PHONE, MOBILE),
    ("091 234 5678", PHONE, MOBILE),
    ("0 9 1 2 3 4 5 6 7 8", PHONE, MOBILE),
    ("0912 - 345 - 678", PHONE, MOBILE),
    ("+84912345678", PHONE, MOBILE),
    ("+84 912 345 678", PHONE, MOBILE),
    ("+84 (0) 912 345 678", PHONE, MOBILE),
    ("(+84) 912-345-678", PHONE, MOBILE),
    ("84912345678", PHONE, MOBILE),
    ("0084912345678", PHONE, MOBILE),
    ("(0912345678)", f"({PHONE})", MOBILE),
    ("sđt:0912345678.", f"sđt:{PHONE}.", MOBILE),
    ("sdt0912345678em", f"sdt{PHONE}em", MOBILE),
    ("0912\u200b345\u200b678", PHONE, MOBILE),
    ("0912\u00a0345\u00a0678", PHONE, MOBILE),
    ("\uff10\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", PHONE, MOBILE),
    ("số 5 ngõ 3 0912345678", f"số 5 ngõ 3 {PHONE}", MOBILE),
    ("24/11/2026 0912345678", f"24/11/2026 {PHONE}", MOBILE),
    ("2026-11-24 0912345678", f"2026-11-24 {PHONE}", MOBILE),
    ("29B1-12345 0912345678", f"29B1-12345 {PHONE}", MOBILE),
    ("024 3825 1234", PHONE, LANDLINE),
    ("(024) 38251234", PHONE, LANDLINE),
    ("024.3825.1234 máy lẻ 12", f"{PHONE} máy lẻ 12", LANDLINE),
    ("+84 24 3825 1234", PHONE, LANDLINE),
    ("0357246810", PHONE, "0357246810"),
    ("0523456789", PHONE, "0523456789"),
    ("0703456789", PHONE, "0703456789"),
    ("0868686868", PHONE, "0868686868"),
]

PAPERS = [
    ("cccd 001099012345", f"cccd {PAPER}"),
    ("căn cước: 001 099 012 345 cấp 2021", f"căn cước: {PAPER} cấp 2021"),
    ("0010 9901 2345", PAPER),
    ("cccd001099012345ạ", f"cccd{PAPER}ạ"),
    ("084212345678", PAPER),
    ("cmnd 012345678", f"cmnd {PAPER}"),
    ("cmnd012345678", f"cmnd{PAPER}"),
    ("CMT số 123456780 nhé", f"CMT số {PAPER} nhé"),
    ("012 345 678", PAPER),
    ("012.345.678", PAPER),
    ("001099012345/001099012346", f"{PAPER}/{PAPER}"),
]

CARDS = [
    ("thẻ 4111111111111111", f"thẻ {CARD}"),
    ("4111 1111 1111 1111", CARD),
    ("4111-1111-1111-1111 bị trừ tiền", f"{CARD} bị trừ tiền"),
    ("9704 1234 5678 9012 345", CARD),
]

LEFT = [
    "gọi 113, 114, 115 hay 111",
    "gọi 113 114 115",
    "024.1022 hoặc 1022",
    "19001009, 1900 1009, 18001096, 1800 1096",
    "1900 1009 024 1022",
    "1900123456",
    "số 12 ngõ 123/45/6 Chùa Bộc",
    "số nhà 123456780",
    "ngõ 12-14-16 Hàng Bài, P.1203 CT4",
    "tôi mất 500.000.000 đồng",
    "tôi mất 482 913 000 đ",
    "họ đòi 120000000",
    "giá 1.250.000.000 VND",
    "trị giá 100.000.000.000",
    "trị giá 482.913.771",
    "tổ 123456780/12 Kim Mã",
    "tổ 12/123456780 Kim Mã",
    "dãy 0 9 12 3 4 5 6 7 8",
    "hợp đồng HD123456780",
    "phí 482913771 đồng",
    "lúc 22:30 ngày 24/11/2026",
    "ngày 05-11-2026 09:30",
    "ngày 05.11.2026 09 giờ 30",
    "05 11 2026 09 30",
    "2026-11-24 08:00",
    "từ 8h đến 22h30 các ngày 1, 2, 3 và 4",
    "xe 29A1-123.45, 30F-123.45, 29-B1 12345, 30E 123 45",
    "21.0285 105.8542",
    "(21.028511, 105.804817)",
    "PA-482-913-773",
    "482913773 đến đâu rồi",
    "PA482913777 gõ nhầm một số",
    "mã 123456780",
    "hồ sơ 123456780",
    "quyết định 1207/QĐ-UBND",
    "mã hồ sơ H26.12-261124-0001",
    "mã khách hàng PD01000123456",
    "thẻ 4111111111111112",
    "0912345",
    "09123456789",
    "091234567890123",
    "0123456789",
]


@pytest.mark.parametrize(("typed", "kept", "phone"), PHONES)
def test_a_phone_number_is_taken_out_and_handed_over(typed: str, kept: str, phone: str) -> None:
    masked = mask(typed)
    assert (masked.text, masked.phones, masked.had_id, masked.had_card) == (kept, (phone,), False, False)


@pytest.mark.parametrize(("typed", "kept"), PAPERS)
def test_an_identity_paper_is_blanked(typed: str, kept: str) -> None:
    masked = mask(typed)
    assert (masked.text, masked.phones, masked.had_id, masked.had_card) == (kept, (), True, False)


@pytest.mark.parametrize(("typed", "kept"), CARDS)
def test_a_bank_card_is_blanked(typed: str, kept: str) -> None:
    masked = mask(typed)
    assert (masked.text, masked.phones, masked.had_id, masked.had_card) == (kept, (), False, True)


@pytest.mark.parametrize("typed", LEFT)
def test_what_a_report_needs_is_left(typed: str) -> None:
    masked = mask(typed)
    assert (masked.text, masked.phones, masked.had_id, masked.had_card) == (typed, (), False, False)


def test_several_numbers_in_one_message() -> None:
    masked = mask("Tôi là An, cccd 001099012345, gọi 0912.345.678 hoặc 0987654321/0912345678, thẻ 4111 1111 1111 1111")
    assert masked.text == f"Tôi là An, cccd {PAPER}, gọi {PHONE} hoặc {PHONE}/{PHONE}, thẻ {CARD}"
    assert masked.phones == (MOBILE, "0987654321")
    assert masked.had_id
    assert masked.had_card


def test_numbers_on_separate_lines_are_not_joined() -> None:
    assert mask("0912\n345678").text == "0912\n345678"


@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    mask(text)


@given(st.text(st.characters(exclude_categories=["Nd"])))
def test_a_text_without_digits_is_untouched(text: str) -> None:
    assert mask(text).text == text


@given(st.text(alphabet="0123456789 .-+()/,đ", max_size=80))
def test_masking_twice_finds_nothing_new_to_hand_over(text: str) -> None:
    assert mask(mask(text).text).phones == ()


@given(st.text(alphabet="0123456789 .-/ab\n", max_size=60), st.text(alphabet="3579", min_size=1, max_size=1))
def test_a_lone_mobile_number_never_slips_through(around: str, carrier: str) -> None:
    number = f"0{carrier}12345678"
    masked = mask(f"{around} xin gọi {number} ạ {around}")
    assert number not in masked.text
    assert number in masked.phones


@pytest.mark.parametrize(
    "piece", ["0 ", "0912 ", "(", "1", "+", "1.", "4111 ", "123 456 780 ", "20 11 2026 ", "0912345678 "]
)
def test_a_long_message_is_masked_in_time_linear_in_its_length(piece: str) -> None:
    short, long = piece * (25_000 // len(piece)), piece * (200_000 // len(piece))
    # Quadratic would be 64 times as long; 24 leaves room for a busy machine.
    assert _seconds(long) < 24 * max(_seconds(short), 0.01)


def _seconds(text: str) -> float:
    """Of three tries the quickest: a pause of the garbage collector or a busy neighbour is not the text's fault."""

    def once() -> float:
        before = time.process_time()
        mask(text)
        return time.process_time() - before

    return min(once() for _ in range(3))
