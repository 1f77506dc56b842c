"""The officers' desk through HTTP: the harm that each boundary keeps out. A test is named for what must not happen."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from cases import attempts, officers
from cases.model import Officer
from core.db import reading, transaction
from desk import auth
from desk.app import create_app
from tests.desk import NOW, PASSWORD, PEOPLE, SCRIPT, Desk, move
from tests.pages import path_of, post, token_in

# Harm: what is seen or done by who may not.


def test_a_visitor_opens_any_page_without_logging_in(desk: Desk) -> None:
    code = desk.file()
    tried = 0
    for rule in desk.app.url_map.iter_rules():
        if rule.endpoint in auth.OPEN_TO_ALL:
            continue
        path = path_of(desk.app, rule, code=code)
        for method in rule.methods or ():
            answer = desk.visitor().open(path, method=method, data={"text": "x"} if method == "POST" else None)
            assert answer.status_code in {302, 401}, (method, path)
            assert answer.status_code == 401 or answer.location.startswith("/login"), (method, path)
            assert "Rác chưa thu gom" not in answer.text
            tried += 1
    assert tried > 20
    assert desk.visitor().get("/no-such-page").status_code == 302
    assert desk.events(code) == ["opened"]


def test_the_list_of_open_doors_is_short(desk: Desk) -> None:
    doors = {"auth.show_login", "auth.login", "factor.show_code", "factor.check_code"}
    doors |= {"reset.show_form", "reset.set_password", "static", "health.healthz", "health.readyz"}
    assert auth.OPEN_TO_ALL == doors


@pytest.mark.parametrize("name", ["take", "reply", "ask", "transfer", "resolve", "reopen"])
def test_an_officer_works_on_another_districts_case(desk: Desk, name: str) -> None:
    code = desk.file(ward="2025:00166", area="legacy:005")
    client = desk.log_in("dongda")
    answer = move(client, code, name, 1, "Xin chào", unit_id="2025:00229")
    assert answer.status_code == 404
    assert desk.events(code) == ["opened"]
    assert desk.case(code).unit_id == "2025:00166"
    assert desk.outbound_texts() == []


def test_an_officer_learns_whether_a_code_exists(desk: Desk) -> None:
    """Not yours and not there are the same page to the byte, on every path under a case."""
    theirs, nowhere = desk.file(ward="2025:00166", area="legacy:005"), "PA-100-000-006"
    client = desk.log_in("dongda")
    for path in ("", "/units", "/media/1"):
        answers = [client.get(f"/cases/{code}{path}") for code in (theirs, nowhere)]
        assert [answer.status_code for answer in answers] == [404, 404]
        tokens = [re.sub(r'value="[^"]+"', "", answer.text) for answer in answers]
        assert tokens[0] == tokens[1]
    assert client.get("/cases/%00").status_code == 404


@pytest.mark.parametrize("name", ["take", "reply", "ask", "transfer", "resolve", "reopen"])
def test_a_supervisor_acts_on_a_case(desk: Desk, name: str) -> None:
    code, client = desk.file(), desk.log_in("giamsat")
    page = client.get(f"/cases/{code}").text
    assert "Gửi trả lời" not in page
    answer = move(client, code, name, 1, "Xin chào", unit_id="2025:00199")
    assert answer.status_code == 403
    assert "không có quyền" in answer.text
    assert desk.events(code) == ["opened"]


@pytest.mark.parametrize(
    ("username", "path", "allowed"),
    [
        ("dongda", "/reports", False),
        ("dongda", "/reports/cases?measure=received", False),
        ("dongda", "/reports/months", False),
        ("dongda", "/exports", False),
        ("giamsat", "/exports", True),
        ("giamsat", "/exports/log", False),
        ("quantri", "/exports/log", True),
        ("giamsat", "/reports", True),
        ("quantri", "/reports", True),
        ("dongda", "/attention", False),
        ("giamsat", "/attention", False),
        ("giamsattp", "/attention", True),
        ("thanhpho", "/attention", True),
        ("quantri", "/attention", True),
        ("thanhpho", "/dead-letters", False),
        ("giamsattp", "/dead-letters", False),
        ("quantri", "/dead-letters", True),
    ],
)
def test_somebody_opens_a_page_of_another_role(desk: Desk, username: str, path: str, allowed: bool) -> None:
    assert desk.log_in(username).get(path).status_code == (200 if allowed else 403)


def test_somebody_reads_a_conversation_that_does_not_wait_for_a_person(desk: Desk) -> None:
    code = desk.file()
    conversation_id = desk.case(code).conversation_id
    assert desk.log_in("thanhpho").get(f"/attention/{conversation_id}").status_code == 404
    waiting = desk.wait_for_a_person()
    assert desk.log_in("dongda").get(f"/attention/{waiting}").status_code == 403


def test_a_city_supervisor_answers_or_closes_a_conversation(desk: Desk) -> None:
    waiting = desk.wait_for_a_person()
    client = desk.log_in("giamsattp")
    assert post(client, f"/attention/{waiting}/reply", text="x", token="t").status_code == 403
    assert post(client, f"/attention/{waiting}/close", seen="").status_code == 403
    assert desk.outbound_texts() == []


# Harm: getting in, staying in.


def test_somebody_posts_from_another_site(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    for sent in ({}, {"csrf_token": "wrong"}, {"csrf_token": token_in(desk.visitor().get("/login"))}):
        answer = client.post(f"/cases/{code}/reply", data={"version": 1, "text": "Tin chưa gửi", **sent})
        assert answer.status_code == 400
        assert "Tin chưa gửi" in answer.text  # and an officer whose page was too old keeps the words
    assert desk.visitor().post("/login", data={"username": "dongda", "password": PASSWORD}).status_code == 400
    assert desk.events(code) == ["opened"]


def test_a_session_that_was_planted_before_login_is_worth_something_after_it(desk: Desk) -> None:
    victim = desk.visitor()
    planted_token = token_in(victim.get("/login"))
    planted = victim.get_cookie("tiepdan_desk")
    assert planted is not None
    desk.try_login(victim, "dongda", PASSWORD)
    attacker = desk.visitor()
    attacker.set_cookie("tiepdan_desk", planted.value)
    assert attacker.get("/").status_code == 302
    forged = victim.post("/logout", data={"csrf_token": planted_token})
    assert forged.status_code == 400


@pytest.mark.parametrize("change", [officers.deactivate, officers.end_sessions], ids=["deactivated", "sessions ended"])
def test_an_officer_keeps_access_after_being_shut_out(desk: Desk, change: Callable[[Officer], object]) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    desk.officer("dongda", change)
    assert client.get(f"/cases/{code}").status_code == 302


def test_a_deactivated_officer_logs_in(desk: Desk) -> None:
    desk.officer("dongda", officers.deactivate)
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 401


def test_a_copied_cookie_works_after_logout(desk: Desk) -> None:
    client, thief = desk.log_in("dongda"), desk.visitor()
    cookie = client.get_cookie("tiepdan_desk")
    assert cookie is not None
    thief.set_cookie("tiepdan_desk", cookie.value)
    assert thief.get("/").status_code == 200
    assert client.get("/logout").status_code == 405
    assert post(client, "/logout").status_code == 302
    assert thief.get("/").status_code == client.get("/").status_code == 302


def test_a_session_outlives_the_working_day(desk: Desk) -> None:
    client = desk.log_in("dongda")
    desk.clock.now = NOW + timedelta(hours=11, minutes=59)
    assert client.get("/").status_code == 200
    desk.clock.now = NOW + timedelta(hours=12, minutes=1)
    assert client.get("/").status_code == 302


def test_words_are_lost_when_the_session_ends_while_writing(desk: Desk) -> None:
    code = desk.file()
    answer = desk.visitor().post(f"/cases/{code}/reply", data={"text": "<b>Đã dọn xong</b>"})
    assert answer.status_code == 401
    assert "&lt;b&gt;Đã dọn xong&lt;/b&gt;" in answer.text
    assert code not in answer.text


def test_somebody_guesses_passwords(desk: Desk) -> None:
    for _ in range(5):
        assert desk.try_login(desk.visitor(), "dongda", "sai mật khẩu").status_code == 401
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 401  # even the right one
    assert desk.try_login(desk.visitor(), "kimlien", PASSWORD).status_code == 302
    desk.clock.now = NOW + timedelta(minutes=15, seconds=1)
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 302


def test_somebody_guesses_passwords_in_parallel(desk: Desk) -> None:
    clients = [desk.visitor() for _ in range(8)]
    with transaction(desk.database) as session:
        begun = [officers.begin_login(session, "dongda", NOW) for _ in clients]
    assert sum(login.officer_id is not None for login in begun) == officers.LOCK_AFTER


def test_somebody_tries_one_password_on_many_names(desk: Desk) -> None:
    for number in range(auth.WRONG_LOGINS_OF_AN_ADDRESS):
        with transaction(desk.database) as session:
            name = attempts.subject("desk-address", "127.0.0.1", desk.config.secret_keys[0])
            attempts.note(session, [name], NOW + timedelta(microseconds=number))
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 401
    desk.clock.now = NOW + timedelta(minutes=16)
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 302


def test_right_logins_of_a_whole_office_lock_its_address(desk: Desk) -> None:
    for _ in range(3):
        desk.log_in("dongda")
    with reading(desk.database) as session:
        assert session.scalar(select(func.count(attempts.Attempt.id))) == 0


def test_the_answer_tells_whether_a_user_name_exists(desk: Desk) -> None:
    """Unknown, wrong, closed and locked answer alike; each compares one password and writes one try."""
    desk.officer("giamsat", officers.deactivate)
    desk.officer("caugiay", lambda officer: setattr(officer, "locked_until", NOW + timedelta(minutes=5)))
    pages, tries = set(), []
    for name in ("nobody", "dongda", "giamsat", "caugiay"):
        answer = desk.try_login(desk.visitor(), name, "sai mật khẩu")
        page = answer.text.replace(name, "")
        pages.add((answer.status_code, re.sub(r'name="csrf_token" value="[^"]+"', "", page)))
        with reading(desk.database) as session:
            tries.append(session.scalar(select(func.count(attempts.Attempt.id))))
    assert len(pages) == 1
    assert tries == [1, 2, 3, 4]
    with transaction(desk.database) as session:
        begun = {name: officers.begin_login(session, name, NOW) for name in ("nobody", "dongda", "giamsat", "caugiay")}
    costs = {login.password_hash.rsplit("$", 2)[0] for login in begun.values()}
    assert len(costs) == 1
    assert not officers.password_fits(begun["nobody"], "nobody has this password")


def test_login_leads_to_another_site(desk: Desk) -> None:
    for wanted in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\tx"):
        answer = desk.try_login(desk.visitor(), "dongda", PASSWORD, next=wanted)
        assert answer.location == "/", wanted
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD, next="/cases/X?a=1").location == "/cases/X?a=1"


def test_a_short_or_unproved_password_is_set(desk: Desk) -> None:
    client = desk.log_in("dongda")
    for current, new, again in (
        ("sai", "mat-khau-moi-dai", "mat-khau-moi-dai"),
        (PASSWORD, "ngan", "ngan"),
        (PASSWORD, "mat-khau-moi-dai", "mat-khau-khac"),
    ):
        assert post(client, "/password", current=current, new=new, again=again).status_code == 422
    other = desk.log_in("dongda")
    good = {"current": PASSWORD, "new": "mat-khau-moi-dai", "again": "mat-khau-moi-dai"}
    assert post(client, "/password", **good).status_code == 302
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 401
    desk.log_in("dongda", "mat-khau-moi-dai")


def test_cookies_are_readable_by_scripts_or_sent_in_the_clear(desk: Desk) -> None:
    secure = replace(desk.config, public_url="https://tiepdan.example.vn")
    app = create_app(secure, desk.database, desk.rulebook, desk.clock)
    cookie = app.test_client().get("/login").headers["Set-Cookie"]
    assert cookie.startswith("tiepdan_desk=")
    assert all(flag in cookie for flag in ("Secure", "HttpOnly", "SameSite=Lax"))
    assert "Secure" not in desk.visitor().get("/login").headers["Set-Cookie"]  # loopback without TLS must work


def test_sessions_are_lost_when_the_secret_is_rotated_or_shared_with_the_portal(desk: Desk) -> None:
    client = desk.log_in("dongda")
    cookie = client.get_cookie("tiepdan_desk")
    assert cookie is not None
    rotated = replace(desk.config, secret_keys=("newer-secret", "test-secret"))
    fresh = create_app(rotated, desk.database, desk.rulebook, desk.clock).test_client()
    fresh.set_cookie("tiepdan_desk", cookie.value)
    assert fresh.get("/").status_code == 200
    assert desk.app.config["SECRET_KEY"] != desk.config.secret_keys[0]


# Harm: through what people write.


def test_a_citizens_words_run_as_code_on_the_desk(desk: Desk) -> None:
    code = desk.file(description=SCRIPT, address="<img src=x onerror=alert(1)>", said=SCRIPT)
    client = desk.log_in("dongda")
    for page in (client.get("/").text, client.get(f"/cases/{code}").text, client.get("/?text=<b>").text):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'value="<b>"' not in page
    shown = client.get(f"/cases/{code}").text
    assert shown.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\nDòng hai &amp; &#34;ngoặc&#34;</div>") == 2


def test_pages_may_run_or_load_what_is_not_ours(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    for path in ("/login", "/", f"/cases/{code}"):
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", answer.text)
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=", answer.text)


@pytest.mark.parametrize(
    ("name", "text", "unit", "problem"),
    [
        ("reply", "   ", "", "Xin nhập nội dung"),
        ("reply", "x" * 1501, "", "dài quá 1500"),
        ("resolve", "", "", "Xin nhập nội dung"),
        ("transfer", "", "2025:00199", "Xin nhập nội dung"),
        ("transfer", "Lý do", "", "Chưa chọn được đơn vị"),
        ("transfer", "Lý do", "2025:99999", "Chưa chọn được đơn vị"),
        ("transfer", "Lý do", "2025:00229", "Chưa chọn được đơn vị"),
        ("reopen", "Lý do", "", "không còn ở trạng thái cho phép"),
    ],
)
def test_a_wrong_form_changes_something_or_loses_words(
    desk: Desk, name: str, text: str, unit: str, problem: str
) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    answer = move(client, code, name, 1, text, unit_id=unit)
    assert answer.status_code in {409, 422}
    assert problem in answer.text
    assert text.strip() in answer.text
    assert desk.events(code) == ["opened"]
    assert desk.outbound_texts() == []


def test_the_longest_allowed_answer_is_refused_because_of_line_ends(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    text = "\r\n".join(["x" * 149] * 10)  # 1,499 characters as typed, more as the browser sends them
    assert move(client, code, "reply", 1, text).status_code == 302
    assert text.replace("\r\n", "\n") in desk.outbound_texts()[0]


def test_a_stale_page_overwrites_a_colleagues_work(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    move(desk.log_in("kimlien"), code, "reply", 1, "Chiều nay có xe.")
    answer = move(client, code, "reply", 1, "Mai có xe.")
    assert answer.status_code == 409
    assert "Hồ sơ đã thay đổi" in answer.text
    assert "Mai có xe." in answer.text
    assert 'name="version" value="2"' in answer.text
    assert len(desk.outbound_texts()) == 1
    for version in ("", "-1", "x", "99999999999999999999"):
        assert post(client, f"/cases/{code}/reply", version=version, text="Mai có xe.").status_code == 409
    assert len(desk.outbound_texts()) == 1


def test_a_double_press_sends_two_answers(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    answers = [move(client, code, "reply", 1, "Chiều nay có xe.") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]  # the second is told it is done
    assert desk.events(code) == ["opened", "taken", "replied"]
    assert len(desk.outbound_texts()) == 1


def test_two_officers_answer_at_the_same_moment(desk: Desk) -> None:
    code = desk.file()
    clients = [desk.log_in(name) for name in ("dongda", "kimlien")]
    tokens = [token_in(client.get("/password")) for client in clients]
    codes: list[int] = []

    def press(client: FlaskClient, token: str) -> None:
        form = {"csrf_token": token, "version": 1, "text": f"Trả lời {token[-4:]}"}
        codes.append(client.post(f"/cases/{code}/reply", data=form).status_code)

    threads = [threading.Thread(target=press, args=pair) for pair in zip(clients, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [302, 409]
    assert len(desk.outbound_texts()) == 1


def test_an_event_is_kept_without_its_message(desk: Desk) -> None:
    """Reply and message are one transaction: when the message cannot be written, nothing happened."""
    code = desk.file()
    broken = replace(desk.rulebook, words=replace(desk.rulebook.words, notices={}))
    app = create_app(desk.config, desk.database, broken, desk.clock)
    other = Desk(app, desk.database, broken, desk.clock, desk.config)
    client = other.log_in("dongda")
    answer = move(client, code, "reply", 1, "Chiều nay có xe.")
    assert answer.status_code == 500
    assert "Hệ thống gặp lỗi" in answer.text
    assert desk.events(code) == ["opened"]
    assert desk.case(code).version == 1


def test_what_people_wrote_reaches_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    code = desk.file(description="bí mật của dân")
    with caplog.at_level("INFO"):
        client = desk.log_in("dongda")
        desk.try_login(desk.visitor(), "dongda", "mat-khau-go-nham")
        move(client, code, "reply", 1, "câu trả lời riêng")
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "officer_id" in logged
    assert not any(word in logged for word in ("bí mật của dân", "câu trả lời riêng", "mat-khau", "dongda"))


def test_an_account_is_made_twice_or_with_a_weak_password(desk: Desk) -> None:
    with transaction(desk.database) as session:
        for name, password, unit, error in (
            ("DongDa ", PASSWORD, "city:01", officers.UsernameTakenError),
            ("moi", "ngan", "city:01", officers.PasswordTooShortError),
            ("moi", PASSWORD, "2025:99999", officers.OfficerError),
            ("moi", PASSWORD, "city:01", ValueError),
        ):
            role = "king" if error is ValueError else "officer"
            with pytest.raises(error):
                officers.create_officer(session, name, "Tên", role, unit, password, NOW)
        assert session.scalar(select(func.count(Officer.id))) == len(PEOPLE)
