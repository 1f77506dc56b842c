"""A case opened in another account by its code and secret word: for good, told to the old one, and not by guessing."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from cases import service
from cases.audit import AuditEntry
from cases.codes import new_code, secret_word
from cases.queries import messages_of
from core.db import reading
from tests.support import VAULT
from tests.talk import Talk


def receipt(code: str) -> str:
    return secret_word(code, b"test-data-key")


@pytest.mark.parametrize(
    "text",
    [
        "tra hồ sơ {code} từ bí mật {secret}",
        "{code} {secret}",
        "tu bi mat {secret}, ma {code} nhe",
        "mất máy rồi, mở giúp tôi hồ sơ {code}, bí mật là {secret}",
    ],
)
def test_code_and_secret_word_open_a_case_in_another_account_for_good(talk: Talk, text: str) -> None:
    code = talk.file("lost")
    assert "Chờ tiếp nhận" in talk.say(text.format(code=code, secret=receipt(code)), "track_case")[0]
    assert talk.again()
    assert talk.events(code).count("account_linked") == 1
    assert any("tài khoản khác" in told for told in talk.told("lost"))
    talk.resolve(code, "Đã dọn sạch")
    assert "Đã dọn sạch" in talk.told()[-1] and "Đã dọn sạch" in talk.told("lost")[-1]
    assert talk.titles() == ["Đã xong", "Chưa xong"]
    talk.tap("Chưa xong")
    assert talk.case(code).status == "reopened"
    assert code in talk.say("hồ sơ của tôi", "track_case")[0]
    with reading(talk.database) as session:
        audited = session.scalars(select(AuditEntry)).all()
        assert [(entry.action, entry.subject) for entry in audited] == [("case_linked", code)]


@pytest.mark.parametrize("change", [str.lower, str.upper, lambda secret: secret.replace(" ", "")])
def test_the_secret_word_is_asked_for_after_the_code(talk: Talk, change: Callable[[str], str]) -> None:
    code = talk.file("lost")
    told = talk.say(code, "track_case")
    assert "không tìm thấy" in told[0] and "từ bí mật" in told[1]
    assert "đã mở hồ sơ" in talk.say(change(receipt(code)), "faq_bus", confidence=0.3)[0]
    assert talk.events(code)[-1] == "account_linked"


def test_who_changes_the_mind_after_the_code_tries_nothing(talk: Talk) -> None:
    code = talk.file("lost")
    talk.say(code, "track_case")
    assert "không khớp" not in talk.say("cảm ơn em", "thank")[0]
    assert "cán bộ" in talk.say("tôi quên từ bí mật rồi", "nlu_fallback")[0]


def test_the_secret_word_alone_is_asked_for_its_code(talk: Talk) -> None:
    assert "cả mã hồ sơ" in talk.say("từ bí mật là hoa sen con cá 12", "inform")[0]


def test_the_answer_to_an_officers_question_may_come_from_the_other_account(talk: Talk) -> None:
    code = talk.file("lost")
    talk.say(f"{code} {receipt(code)}")
    talk.act(code, lambda session, case, by: service.ask(session, talk.rulebook, case, by, "Ở đâu?", talk.clock()))
    assert "Ở đâu?" in talk.told()[-1]
    assert code in talk.say("Ở đầu ngõ 12 ạ")[0]
    assert (talk.events(code)[-1], talk.case(code).status) == ("citizen_answered", "in_progress")
    talk.user = "lost"
    talk.say("hồ sơ của tôi đâu rồi")
    assert talk.events(code).count("citizen_answered") == 1


def test_nobody_who_reads_the_conversation_learns_the_secret_word(talk: Talk) -> None:
    code = talk.file("lost")
    talk.say(f"{code} {receipt(code)}")
    with reading(talk.database) as session:
        shown = [message.text for message in messages_of(session, talk.conversation().id, VAULT)]
    assert not any(receipt(code) in text for text in shown) and any(code in text for text in shown)


# Harm.


def test_somebody_guesses_secret_words(talk: Talk) -> None:
    code, unknown = talk.file("victim"), new_code()
    for number in range(5):
        wrong = [talk.say(f"{one} từ bí mật hoa sen con cá {number}{number}")[0] for one in (code, unknown)]
        assert "không khớp" in wrong[0]
        assert wrong[0].replace(code, "") == wrong[1].replace(unknown, "")
    assert "15 phút" in talk.say(f"{code} {receipt(code)}")[0]
    assert "15 phút" in talk.say(f"{unknown} {receipt(code)}")[0]
    assert "account_linked" not in talk.events(code)
    talk.clock.advance(minutes=16)
    assert "đã mở hồ sơ" in talk.say(f"{code} {receipt(code)}")[0]


def test_many_accounts_guess_at_one_code(talk: Talk) -> None:
    code = talk.file("victim")
    for number in range(10):
        talk.say(f"{code} từ bí mật hoa sen con cá {number:02d}", user=f"thief{number}")
    talk.user = "thief"
    assert "15 phút" in talk.say(f"{code} {receipt(code)}")[0]


def test_a_linked_account_hears_of_other_cases(talk: Talk) -> None:
    code, other = talk.file("lost"), talk.file("lost")
    talk.say(f"{code} {receipt(code)}")
    assert other not in talk.say("hồ sơ của tôi", "track_case")[0]
    assert "không tìm thấy" in talk.say(other, "track_case")[0]
    talk.user = "stranger"
    assert "không tìm thấy" in talk.say(code, "track_case")[0]
