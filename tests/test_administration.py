"""The harm that the guards of accounts and administration keep out."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from cases import queries, sessions
from cases.audit import AuditEntry
from cases.model import Officer
from cases.resets import PasswordReset
from cases.second_factor import RecoveryCode, SecondFactor
from cases.sessions import DeskSession
from commands import accounts
from core.db import reading, transaction
from tests.administering import NEW_PASSWORD, link_in, run, set_password
from tests.offices import PASSWORD, Office
from tests.pages import path_of, post, token_in
from tests.support import CAU_GIAY_WARD, KIM_LIEN, LANG


def test_a_hand_over_gives_nobody_a_case_they_may_not_see(office: Office) -> None:
    admin, area = office.log_in("quantri"), office.log_in("dongda")
    here, there = office.file(ward=LANG), office.file(ward=KIM_LIEN)
    for code in (here, there):
        post(area, f"/cases/{code}/take", version=1)
    post(admin, f"/admin/officers/{office.ids['dongda']}/hand-over", colleague=office.ids["lang"])
    assert (office.case(here).officer_id, office.case(there).officer_id) == (office.ids["lang"], None)
    refused = post(admin, f"/admin/officers/{office.ids['lang']}/hand-over", colleague=office.ids["giamsat"])
    assert refused.status_code == 422  # a supervisor works no cases
    assert office.case(here).officer_id == office.ids["lang"]


@pytest.mark.parametrize("username", ["kimlien", "dongda", "giamsat", "dieuphoi"])
def test_somebody_who_is_no_administrator_gets_in(office: Office, username: str) -> None:
    client, code = office.log_in(username), office.file()
    tried = 0
    for rule in office.app.url_map.iter_rules():
        if not rule.rule.startswith("/admin"):
            continue
        path = path_of(office.app, rule, key="bus")
        for method in (rule.methods or set()) & {"GET", "POST"}:
            ask = (
                client.get
                if method == "GET"
                else lambda path: post(client, path, role="administrator", unit_id="city:01")
            )
            assert ask(path).status_code == 403, (method, path)
            tried += 1
    assert tried >= 24
    assert office.audits() == []
    assert code not in client.get("/admin/").text


def test_an_officer_makes_themselves_administrator(office: Office) -> None:
    mine = f"/admin/officers/{office.ids['kimlien']}/place"
    client = office.log_in("kimlien")
    assert post(client, mine, role="administrator", unit_id="city:01").status_code == 403
    post(client, "/password", current=PASSWORD, new=NEW_PASSWORD, again=NEW_PASSWORD, role="administrator")
    assert office.officer("kimlien").role == "officer"


@pytest.mark.parametrize("change", ["place", "close", "leave"])
def test_an_administrator_changes_the_own_rights(office: Office, change: str) -> None:
    admin, form = office.log_in("quantri"), {"role": "officer", "unit_id": KIM_LIEN, "from": "2026-12-01"}
    answer = post(admin, f"/admin/officers/{office.ids['quantri']}/{change}", **form)
    assert (answer.status_code, "chính mình" in answer.text) == (422, True)
    kept = office.officer("quantri")
    assert (kept.role, kept.active, kept.leave_from) == ("administrator", True, None)


@pytest.mark.parametrize("how", ["close", "leave", "place"])
def test_an_officer_keeps_access_after_leaving(office: Office, how: str) -> None:
    code, client, admin = office.file(), office.log_in("kimlien"), office.log_in("quantri")
    assert client.get(f"/cases/{code}").status_code == 200
    form = {"from": "2026-12-01", "role": "officer", "unit_id": CAU_GIAY_WARD}
    post(admin, f"/admin/officers/{office.ids['kimlien']}/{how}", **form)
    assert client.get(f"/cases/{code}").status_code == 302
    assert post_blind(client, f"/cases/{code}/take", version=1).status_code in {400, 401}
    assert office.events(code) == ["opened"]
    if how == "place":  # back at work elsewhere, and with the new place only
        assert office.log_in("kimlien").get(f"/cases/{code}").status_code == 404
    else:
        assert office.try_login(office.visitor(), "kimlien", PASSWORD).status_code == 401


def post_blind(client: FlaskClient, path: str, **data: object) -> "object":
    return client.post(path, data=data)


def test_a_link_sets_a_password_twice_or_after_a_day_or_for_a_closed_account(office: Office) -> None:
    admin, account = office.log_in("quantri"), f"/admin/officers/{office.ids['kimlien']}"
    used = link_in(post(admin, f"{account}/link").text)
    assert set_password(office, used)[0] == 302
    assert set_password(office, used, "mot-mat-khau-khac-nua")[0] == 404
    old = link_in(post(admin, f"{account}/link").text)
    replaced, newest = old, link_in(post(admin, f"{account}/link").text)
    assert set_password(office, replaced)[0] == 404
    office.clock.advance(hours=24, minutes=1)
    assert set_password(office, newest)[0] == 404
    late = link_in(post(office.log_in("quantri"), f"{account}/link").text)
    post(office.log_in("quantri"), f"{account}/close")
    assert set_password(office, late)[0] == 404
    assert office.visitor().get("/reset/guessed").status_code == 404
    assert office.try_login(office.visitor(), "kimlien", "mot-mat-khau-khac-nua").status_code == 401


def test_a_stolen_session_survives_the_new_password(office: Office) -> None:
    thief, admin = office.log_in("kimlien"), office.log_in("quantri")
    link = link_in(post(admin, f"/admin/officers/{office.ids['kimlien']}/link").text)
    assert set_password(office, link)[0] == 302
    assert thief.get("/").status_code == 302


def test_a_guesser_tries_codes_until_one_fits(office: Office) -> None:
    client = office.visitor()
    office.try_login(client, "quantri", PASSWORD)
    for number in range(5):
        assert office.try_code(client, f"{number:06d}").status_code == 401
    office.clock.advance(seconds=30)
    assert office.try_code(client, office.code()).status_code == 401  # right, and too late
    office.clock.advance(minutes=16)
    assert client.get("/login/code").status_code == 302  # the password is asked again
    office.log_in("quantri")


def test_a_code_seen_over_a_shoulder_opens_again(office: Office) -> None:
    office.log_in("quantri")
    second = office.visitor()
    office.try_login(second, "quantri", PASSWORD)
    assert office.try_code(second, office.code()).status_code == 401


def test_the_password_alone_opens_an_account_with_a_second_factor(office: Office) -> None:
    client = office.visitor()
    assert office.try_login(client, "quantri", PASSWORD).location.startswith("/login/code")
    assert client.get("/admin/").location.startswith("/login")
    assert client.get("/second-factor").location.startswith("/login")


def test_what_the_command_line_changes_about_officers_leaves_no_trace(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "opened", lambda _config: office.database)
    before = len(office.audits())
    for command in (
        ("right", "giamsat", "--personal-exports", "on"), ("right", "giamsat", "--personal-exports", "off"),
        ("user-unlock", "giamsat"), ("user-unlock", "quantri"),
    ):  # fmt: skip
        run(office.config, *command)
        assert office.officer("giamsat").may_export_personal is (command[-1] == "on")
    people = {name: f"officer:{office.ids[name]}" for name in ("giamsat", "quantri")}
    assert office.audits()[before:] == [
        ("export_right_set", people["giamsat"]),
        ("export_right_set", people["giamsat"]),
        ("officer_unlocked", people["giamsat"]),
        ("factor_removed", people["quantri"]),
    ]


def test_an_administrator_works_without_the_second_factor_the_city_demands(office: Office) -> None:
    admin = office.log_in("quantri")
    page = post(
        admin, "/admin/officers", username="moi", name="Người Mới", role="administrator", unit_id="city:01"
    ).text
    set_password(office, link_in(page))
    client = office.log_in("moi", NEW_PASSWORD)
    assert [client.get(path).location for path in ("/", "/admin/", "/admin/officers")] == ["/second-factor"] * 3
    shown = re.search(r"<code class=\"said\">(\w+)</code>", client.get("/second-factor").text)
    assert shown
    office.secret, token = shown[1], token_in(client.get("/second-factor"))
    assert client.post("/second-factor", data={"csrf_token": token, "code": "000000"}).status_code == 422
    codes = re.findall(
        r"<code>([\w-]{19})</code>",
        client.post("/second-factor", data={"csrf_token": token, "code": office.code()}).text,
    )
    assert len(codes) == 10
    assert client.get("/admin/").status_code == 200
    assert codes[0] not in client.get("/second-factor").text
    for accepted in (302, 401):  # a recovery code opens once
        other = office.visitor()
        office.try_login(other, "moi", NEW_PASSWORD)
        assert office.try_code(other, codes[0].lower()).status_code == accepted
    assert office.set(admin, "factor_for_administrators", 0).status_code == 302


def test_the_database_file_gives_the_secrets_away(office: Office) -> None:
    admin = office.log_in("quantri")
    token = link_in(post(admin, f"/admin/officers/{office.ids['lang']}/link").text).rsplit("/")[-1]
    with admin.session_transaction() as cookie:
        session_token = cookie["token"]
    with reading(office.database) as session:
        tables = (SecondFactor, RecoveryCode, PasswordReset, DeskSession, Officer, AuditEntry)
        rows = (row for table in tables for row in session.execute(select(table.__table__)))
        stored = "\n".join(repr(tuple(row)) for row in rows)
    assert len(stored) > 500
    assert [secret for secret in (office.secret, token, session_token, PASSWORD) if secret in stored] == []


def test_an_ended_session_goes_on(office: Office) -> None:
    here, there = office.log_in("kimlien"), office.log_in("kimlien")
    page = here.get("/sessions").text
    numbers = re.findall(r"/sessions/(\d+)/end", page)
    assert len(numbers) == 2
    mine = re.search(r"phiên này.*?/sessions/(\d+)/end", page, re.DOTALL)
    assert mine
    (other,) = set(numbers) - {mine[1]}
    assert post(here, f"/sessions/{other}/end").status_code == 302
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)


def test_an_officer_ends_a_colleagues_session(office: Office) -> None:
    victim, client = office.log_in("lang"), office.log_in("kimlien")
    with reading(office.database) as session:
        (theirs,) = [row.id for row in sessions.running(session, office.ids["lang"], office.clock())]
    post(client, f"/sessions/{theirs}/end")
    assert victim.get("/").status_code == 200
    assert (
        post(office.log_in("quantri"), f"/admin/officers/{office.ids['lang']}/sessions/{theirs}/end").status_code == 302
    )
    assert victim.get("/").status_code == 302
    assert ("session_ended", f"officer:{office.ids['lang']}") in office.audits()


def test_a_copied_cookie_lives_on_after_logout(office: Office) -> None:
    client, thief = office.log_in("kimlien"), office.visitor()
    with client.session_transaction() as cookie:
        stolen = dict(cookie)
    with thief.session_transaction() as planted:
        planted.update(stolen)
    assert thief.get("/").status_code == 200
    post(client, "/logout")
    assert thief.get("/").status_code == 302


def test_a_visitor_plants_a_session_that_the_officer_then_fills(office: Office) -> None:
    client = office.visitor()
    with client.session_transaction() as planted:
        planted.update(officer_id=office.ids["kimlien"], version=0, token="planted", csrf_token="planted")
    assert client.get("/").status_code == 302  # the planted cookie opens nothing
    office.try_login(client, "kimlien", PASSWORD)
    with client.session_transaction() as cookie:
        assert cookie["token"] != "planted"
        assert cookie.get("csrf_token") != "planted"


@pytest.mark.parametrize(
    "path", ["/admin/officers", "/admin/settings/public_pages", "/admin/answers/faq/bus", "/admin/days"]
)
def test_another_site_makes_the_administrators_browser_post(office: Office, path: str) -> None:
    admin = office.log_in("quantri")
    answer = admin.post(path, data={"value": "1", "version": "0", "do": "withdraw", "username": "x"})
    assert answer.status_code == 400
    assert office.audits() == []


def test_somebody_reads_telephone_numbers_unseen(office: Office) -> None:
    code, client = office.file(), office.log_in("kimlien")
    assert "0912345678" not in client.get(f"/cases/{code}").text
    assert "0912345678" in post(client, f"/cases/{code}/phone").text
    assert office.audits() == [("contact_read", code)]
    for stranger, status in (("caugiay", 404), ("giamsat", 403)):
        answer = post(office.log_in(stranger), f"/cases/{code}/phone")
        assert (answer.status_code, "0912345678" in answer.text) == (status, False)
    with reading(office.database) as session:
        assert all("0912345678" not in repr(entry.data) for entry in session.scalars(select(AuditEntry)))


@pytest.mark.parametrize("how", ["update", "delete", "raw"])
def test_somebody_tampers_with_the_audit_log(office: Office, how: str) -> None:
    code = office.file()
    post(office.log_in("kimlien"), f"/cases/{code}/phone")
    statements = {
        "update": update(AuditEntry).values(officer_id=None),
        "delete": delete(AuditEntry),
        "raw": text("DELETE FROM audit_log"),
    }
    with pytest.raises(DBAPIError, match="append-only"), transaction(office.database) as session:
        session.execute(statements[how])
    assert office.audits() == [("contact_read", code)]


def test_a_weak_password_is_taken(office: Office) -> None:
    admin = office.log_in("quantri")
    path = link_in(post(admin, f"/admin/officers/{office.ids['kimlien']}/link").text)
    for weak in ("ngan", "1234567890", "qwertyuiop", "matkhau123", "Password123", "canbokimlien", "hanoi123456"):
        assert set_password(office, path, weak)[0] == 422, weak
    assert set_password(office, path)[0] == 302


def test_a_locked_account_is_opened_by_an_administrator_only(office: Office) -> None:
    guesser, admin = office.visitor(), office.log_in("quantri")
    for _ in range(5):
        office.try_login(guesser, "kimlien", "sai-mat-khau")
    assert office.try_login(office.visitor(), "kimlien", PASSWORD).status_code == 401
    assert post(admin, f"/admin/officers/{office.ids['kimlien']}/unlock").status_code == 302
    assert office.try_login(office.visitor(), "kimlien", PASSWORD).status_code == 302


def test_an_administrators_text_runs_as_a_script(office: Office) -> None:
    admin, script = office.log_in("quantri"), "<script>alert(1)</script>"
    post(admin, f"/admin/units/{LANG}", name=f"Láng {script}", contact=script, active=1)
    post(admin, f"/admin/officers/{office.ids['lang']}/rename", name=script)
    for path in (
        "/admin/units",
        f"/admin/units/{LANG}",
        "/admin/officers",
        f"/admin/officers/{office.ids['lang']}",
        "/admin/audit",
    ):
        page = admin.get(path).text
        assert script not in page, path
    assert "&lt;script&gt;" in admin.get("/admin/units").text


def test_a_session_is_seen_without_a_write_for_every_click(office: Office) -> None:
    client = office.log_in("kimlien")
    with reading(office.database) as session:
        began = session.scalars(select(DeskSession.seen_at).order_by(DeskSession.id.desc())).first()
    office.clock.advance(minutes=1)
    client.get("/")
    with reading(office.database) as session:
        assert session.scalars(select(DeskSession.seen_at).order_by(DeskSession.id.desc())).first() == began
    office.clock.advance(minutes=5)
    client.get("/")
    with reading(office.database) as session:
        assert session.scalars(select(DeskSession.seen_at).order_by(DeskSession.id.desc())).first() == office.clock()


def test_visible_cases_follow_the_officer_who_was_moved(office: Office) -> None:
    post(office.log_in("quantri"), f"/admin/officers/{office.ids['kimlien']}/place", role="officer", unit_id=LANG)
    mine, before = office.file(ward=LANG), office.file(ward=KIM_LIEN)
    with reading(office.database) as session:
        moved = session.get_one(Officer, office.ids["kimlien"])
        assert queries.case_for(session, moved, mine)
        with pytest.raises(queries.NotFoundError):
            queries.case_for(session, moved, before)
