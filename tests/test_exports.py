"""Files people ask for: what is in them, who may have them, what survives a killed worker; frozen months."""

import csv
import io
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import docx
import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select, true, update
from werkzeug.test import TestResponse

from cases import export, export_files, export_jobs, snapshots
from cases.audit import AuditEntry
from cases.figures_model import ExportJob, Snapshot
from cases.measures import Filter, chosen
from cases.model import Case, Officer, Unit
from cases.monthly_report import write
from cases.rulebook import Rulebook
from cases.statistics import figures
from core.db import Database, reading, transaction
from core.model import Conversation
from core.vault import Vault
from tests.desk import Desk, move
from tests.lives import UNTIL, lead_lives
from tests.pages import post
from tests.support import CAU_GIAY, CAU_GIAY_WARD, CITY, DONG_DA, add_officer, add_units
from webhook.chores import Chores
from webhook.exporter import Exporter

MARCH = Filter(date(2026, 3, 1), date(2026, 3, 31))
DAYS = {"first": "2026-11-01", "last": "2026-11-30"}
REASON = "Gọi lại cho người dân bị mất nước"


@dataclass
class Office:
    """The desk, and the worker that makes its files."""

    desk: Desk
    exporter: Exporter

    def ask(self, username: str = "giamsat", kind: str = "csv", **form: str) -> TestResponse:
        return post(self.desk.log_in(username), "/exports", kind=kind, **{**DAYS, **form})

    def make(self) -> bool:
        return self.exporter.step("worker-1")

    def job(self) -> ExportJob:
        with reading(self.desk.database) as session:
            found = session.scalars(select(ExportJob).order_by(ExportJob.id.desc())).first()
            assert found is not None
            session.expunge_all()
            return found

    def file(self, client: FlaskClient | None = None) -> TestResponse:
        answer = (client or self.desk.log_in("giamsat")).get(f"/exports/{self.job().id}/file")
        assert answer.data is not None
        answer.close()
        return answer

    def give_right(self, username: str = "giamsat", right: bool = True) -> None:
        self.desk.officer(username, lambda officer: setattr(officer, "may_export_personal", right))


@pytest.fixture
def office(desk: Desk) -> Office:
    vault = Vault(desk.config.data_keys)
    return Office(desk, Exporter(desk.database, desk.rulebook, vault, desk.config.var_dir / "exports", desk.clock))


def table(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.data.startswith(b"\xef\xbb\xbf"), "Excel reads Vietnamese only after a byte order mark"
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_a_supervisor_gets_the_cases_of_their_scope_and_nobody_elses(office: Office) -> None:
    mine, elsewhere = office.desk.file(), office.desk.file(ward="2025:00166", area="legacy:005")
    assert office.ask().status_code == 302
    assert office.make()
    answer = office.file()
    [row] = table(answer)
    assert tuple(row) == tuple(column.heading for column in export.COLUMNS)
    assert (row["Mã hồ sơ"], row["Lĩnh vực"], row["Gửi lúc"]) == (mine, "Rác thải", "2026-11-24 10:00")
    assert elsewhere not in answer.text
    assert not office.make()


def test_the_file_holds_no_word_of_the_citizen(office: Office) -> None:
    office.desk.file(description="Nhà ông Tư đổ trộm", address="số 5 ngõ 10")
    for kind in ("csv", "xlsx"):
        office.ask(kind=kind)
        office.make()
        content = office.file().data
        if kind == "xlsx":
            content = b"".join(
                zipfile.ZipFile(io.BytesIO(content)).read(name) for name in ("xl/worksheets/sheet1.xml",)
            )
        assert "ông Tư".encode() not in content
        assert "ngõ 10".encode() not in content


def test_an_excel_file_has_real_times_and_no_formula(office: Office) -> None:
    office.desk.file()
    with transaction(office.desk.database) as session:
        session.execute(update(Unit).where(Unit.id == "2025:00229").values(name='=HYPERLINK("http://x")'))
    office.ask(kind="xlsx")
    office.make()
    sheet = load_workbook(io.BytesIO(office.file().data)).active
    assert sheet is not None
    heads, row = ([cell for cell in line] for line in sheet.iter_rows())
    by_head = dict(zip([cell.value for cell in heads], row, strict=True))
    assert by_head["Gửi lúc"].value.isoformat() == "2026-11-24T10:00:00"
    assert (by_head["Phường/xã"].value, by_head["Phường/xã"].data_type) == ('=HYPERLINK("http://x")', "s")


@pytest.mark.parametrize("text", ["=1+1", "+84", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_a_cell_runs_as_a_formula(text: str) -> None:
    assert export_files.safe(text) == "'" + text


def test_a_unit_name_runs_as_a_formula_in_the_export(office: Office) -> None:
    office.desk.file()
    with transaction(office.desk.database) as session:
        session.execute(update(Unit).where(Unit.id == "2025:00229").values(name="=HYPERLINK(1)"))
    office.ask()
    office.make()
    assert table(office.file())[0]["Phường/xã"] == "'=HYPERLINK(1)"


def with_phone(office: Office) -> None:
    office.desk.file(description="Mất nước ba ngày", address="số 5 ngõ 10")
    sealed = Vault(office.desk.config.data_keys).seal("0912345678")
    with transaction(office.desk.database) as session:
        session.scalars(select(Conversation)).one().phone = sealed


def test_exports_phones_without_the_right(office: Office) -> None:
    with_phone(office)
    answer = office.ask(personal="1", reason=REASON)
    assert answer.status_code == 403
    assert "chưa được cấp quyền" in answer.text
    assert not office.make()


@pytest.mark.parametrize("reason", ["", "cần gấp", "x" * 501])
def test_exports_phones_without_a_reason(office: Office, reason: str) -> None:
    with_phone(office)
    office.give_right()
    answer = office.ask(personal="1", reason=reason)
    assert answer.status_code == 422
    assert not office.make()


def test_personal_data_leaves_with_right_and_reason_and_marked_with_who_took_it(office: Office) -> None:
    with_phone(office)
    office.give_right()
    office.ask(personal="1", reason=REASON)
    office.make()
    [row] = table(office.file())
    assert (row["Nội dung"], row["Địa chỉ"], row["Điện thoại"]) == ("Mất nước ba ngày", "số 5 ngõ 10", "0912345678")
    assert row["Người xuất"] == f"giamsat, lần xuất {office.job().id}"
    log = office.desk.log_in("quantri").get("/exports/log").text
    assert REASON in log
    assert "Cán bộ giamsat" in log
    with reading(office.desk.database) as session:
        noted = session.execute(select(AuditEntry.action, AuditEntry.reason).order_by(AuditEntry.id)).all()
    assert [tuple(one) for one in noted] == [("personal_export", REASON), ("personal_file_fetched", "")]


def test_keeps_exporting_phones_after_the_right_is_taken_away(office: Office) -> None:
    with_phone(office)
    office.give_right()
    office.ask(personal="1", reason=REASON)
    office.give_right(right=False)
    office.make()
    assert office.job().status == "failed"
    office.give_right()
    office.ask(personal="1", reason=REASON)
    office.make()
    office.give_right(right=False)
    assert office.file().status_code == 404


def test_gets_a_file_after_leaving(office: Office) -> None:
    office.ask()
    office.desk.officer("giamsat", lambda officer: setattr(officer, "active", False))
    office.make()
    assert (office.job().status, office.job().error) == ("failed", "NoLongerAllowedError")


_TOKEN = re.compile(r"(?<=\")[\w-]+\.[\w-]{6}\.[\w-]{20,}(?=\")")  # against forged forms; its time is part of it


@pytest.mark.parametrize("thief", ["giamsattp", "quantri", "dongda"])
def test_fetches_somebody_elses_file(office: Office, thief: str) -> None:
    office.ask()
    office.make()
    client = office.desk.log_in(thief)
    stolen, missing = office.file(client), client.get("/exports/999/file")
    assert stolen.status_code == missing.status_code == 404
    told = [_TOKEN.sub("", answer.text) for answer in (stolen, missing)]
    assert told[0] == told[1]
    assert office.file().status_code == 200


def test_another_account_of_the_machine_reads_a_file(office: Office) -> None:
    office.ask()
    office.make()
    [path] = (office.desk.config.var_dir / "exports").glob("*")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_files_vanish_after_a_week_and_personal_ones_after_a_day(office: Office) -> None:
    office.give_right()
    for form, kept in (({}, timedelta(days=7)), ({"personal": "1", "reason": REASON}, timedelta(days=1))):
        office.ask(**form)
        office.make()
        office.desk.clock.now += kept - timedelta(seconds=1)
        office.exporter.sweep()
        assert office.file(office.desk.log_in("giamsat")).status_code == 200
        office.desk.clock.now += timedelta(seconds=1)
        assert office.file(office.desk.log_in("giamsat")).status_code == 404
        office.exporter.sweep()
        assert list((office.desk.config.var_dir / "exports").glob("*")) == []
        assert office.job().status == "expired"


def test_a_killed_worker_loses_no_file_and_a_slow_one_cannot_finish_it_twice(office: Office) -> None:
    office.desk.file()
    office.ask()
    now = office.desk.clock.now
    with transaction(office.desk.database) as session:
        job = export_jobs.claim(session, "killed", now)
        assert job is not None
    assert not office.make(), "while the lease runs nobody else takes it"
    office.desk.clock.now += timedelta(minutes=3)
    assert office.make()
    assert (office.job().status, office.job().worker, office.job().rows_done) == ("done", "worker-1", 1)
    with transaction(office.desk.database) as session, pytest.raises(export_jobs.LostJobError):
        export_jobs.finish(session, job.id, "killed", 5, now)


def test_a_job_that_kills_every_worker_is_given_up(office: Office) -> None:
    office.ask()
    for _ in range(4):
        with transaction(office.desk.database) as session:
            export_jobs.claim(session, "w", office.desk.clock.now)
        office.desk.clock.now += timedelta(minutes=3)
    assert (office.job().status, office.job().error) == ("failed", "given_up")


def test_what_a_crashed_worker_left_half_made_is_swept_away(office: Office) -> None:
    folder = office.desk.config.var_dir / "exports"
    folder.mkdir()
    (folder / "half.csv").write_text("x")
    office.exporter.sweep()
    assert list(folder.glob("*")) == []


def test_nobody_fills_the_disk_with_requests(office: Office) -> None:
    for _ in range(3):
        assert office.ask().status_code == 302
    assert office.ask().status_code == 422


def test_the_page_shows_progress_and_then_the_file(office: Office) -> None:
    office.ask()
    client = office.desk.log_in("giamsat")
    assert 'hx-trigger="every 2s"' in client.get("/exports").text
    office.make()
    fragment = client.get("/exports", headers={"HX-Request": "true"}).text
    assert "hx-trigger" not in fragment
    assert f"/exports/{office.job().id}/file" in fragment


@pytest.mark.parametrize("days", [{"first": "hôm qua"}, {"last": ""}, {"kind": "exe"}])
def test_a_request_that_cannot_be_read_is_refused_and_makes_nothing(office: Office, days: dict[str, str]) -> None:
    assert office.ask(**days).status_code == 422
    assert not office.make()


@pytest.fixture
def lived(database: Database, rulebook: Rulebook) -> Iterator[Database]:
    with transaction(database) as session:
        add_units(session)
        lead_lives(session, rulebook, 120)
        add_officer(session, "chief", CITY, "supervisor")
        add_officer(session, "local", DONG_DA, "supervisor")
    yield database


def text_of(paper: docx.document.Document) -> str:
    cells = [cell.text for table in paper.tables for row in table.rows for cell in row.cells]
    return "\n".join([paragraph.text for paragraph in paper.paragraphs] + cells)


def test_the_report_is_an_administrative_document_with_charts_and_the_figures_of_the_page(
    lived: Database,
    rulebook: Rulebook,
    tmp_path: Path,
) -> None:
    path = tmp_path / "report.docx"
    with reading(lived) as session:
        chief = session.scalars(select(Officer).filter_by(username="chief")).one()
        write(session, rulebook, chief, MARCH, UNTIL, path)
        received = figures(session, true(), rulebook.calendar, MARCH, UNTIL).total.counts["received"]
    text = text_of(docx.Document(str(path)))
    for words in ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "Số:", "Nơi nhận:", "BÁO CÁO"):
        assert words in text
    assert "tháng 03 năm 2026" in text
    assert f"tiếp nhận trong kỳ {received} hồ sơ" in text
    assert "chưa chốt" in text
    assert "{" not in text
    names = zipfile.ZipFile(path).namelist()
    assert [name for name in names if name.startswith("word/charts/chart")] == [
        "word/charts/chart1.xml", "word/charts/chart2.xml",
    ]  # fmt: skip


def test_a_frozen_month_is_counted_again_from_its_own_cases_and_never_changes(
    lived: Database,
    rulebook: Rulebook,
) -> None:
    with transaction(lived) as session:
        snapshot = snapshots.freeze(session, rulebook.calendar, "2026-03", UNTIL)
        assert snapshot is not None
        assert snapshots.freeze(session, rulebook.calendar, "2026-03", UNTIL + timedelta(days=1)) is None
        live = figures(session, true(), rulebook.calendar, MARCH, UNTIL).total.values()
        frozen = {name: value for name, value in snapshot.totals.items() if name != "balance"}
        assert frozen == live
    with transaction(lived) as session:
        session.execute(update(Case).values(category="market", status="new", resolved_at=None, late_at=None, rating=1))
        again = session.scalars(select(Snapshot)).one()
        assert snapshots.recomputed(session, rulebook.calendar, again) == again.totals == {**again.totals, **frozen}
        sums = again.totals["balance"]
        assert sums["carried"] + sums["received"] == sums["closed"] + sums["remaining"]
        assert min(sums.values()) > 0


def test_corrections_after_freezing_are_listed_case_by_case_and_progress_is_not(
    lived: Database,
    rulebook: Rulebook,
) -> None:
    with transaction(lived) as session:
        snapshot = snapshots.freeze(session, rulebook.calendar, "2026-03", UNTIL)
        assert snapshot is not None
        chief, local = (session.scalars(select(Officer).filter_by(username=n)).one() for n in ("chief", "local"))
        assert snapshots.corrections(session, chief, snapshot) == []
        of_march = select(Case).where(chosen(MARCH))
        cases = session.scalars(of_march.order_by(Case.id)).all()
        is_open = next(case for case in cases if case.resolved_at is None)
        closed = next(case for case in cases if case.resolved_at is not None)
        moved = next(case for case in cases if case.unit_id == CAU_GIAY_WARD and case.area_id == CAU_GIAY)
        is_open.status, is_open.resolved_at = "resolved", UNTIL
        closed.status, closed.resolved_at = "reopened", None
        moved.category = "market"
        session.flush()
        found = {(one.code, one.what) for one in snapshots.corrections(session, chief, snapshot)}
        assert found == {(closed.code, "reopened"), (moved.code, "category")}
        assert moved.code not in {one.code for one in snapshots.corrections(session, local, snapshot)}


def test_the_worker_freezes_last_month_once_it_is_over(
    lived: Database,
    rulebook: Rulebook,
    tmp_path: Path,
) -> None:
    exporter = Exporter(lived, rulebook, Vault(("key",)), tmp_path, lambda: UNTIL)
    for _ in range(2):
        chores = Chores(lived, rulebook, exporter, lambda: UNTIL)
        while chores.step("w"):
            pass
    with reading(lived) as session:
        assert [one.month for one in session.scalars(select(Snapshot))] == ["2026-03"]


def test_the_month_page_shows_then_and_now_and_what_was_corrected(office: Office) -> None:
    code = office.desk.file()
    office.desk.clock.now += timedelta(days=10)
    client = office.desk.log_in("giamsattp")
    assert "chưa được chốt" in client.get("/reports/months").text
    assert post(client, "/reports/months").status_code == 302
    move(office.desk.log_in("thanhpho"), code, "take", 1)
    post(office.desk.log_in("thanhpho"), f"/cases/{code}/category", version=2, category="noise")
    page = client.get("/reports/months/2026-11").text
    assert "khớp toàn bộ" in page
    assert re.search(rf"{code}.*Lĩnh vực.*Rác thải", page, re.DOTALL)
    assert client.get("/reports/months/2026-10").status_code == 404
    assert post(office.desk.log_in("giamsat"), "/reports/months").status_code == 403


def test_every_number_of_the_dashboard_leads_to_as_many_cases(office: Office) -> None:
    desk = office.desk
    codes = [desk.file(), desk.file(category="noise"), desk.file(ward=None), desk.file(ward="2025:00199")]
    desk.clock.now += timedelta(hours=2)
    move(desk.log_in("dongda"), codes[0], "resolve", 1, "Đã dọn.")
    desk.clock.now += timedelta(days=12)
    client = desk.log_in("giamsat")
    links = 0
    for by in ("ward", "area", "category", "channel", "month", "officer", "refused_for"):
        page = client.get(f"/reports?first=2026-11-01&last=2026-12-06&by={by}").text
        for address, number in re.findall(r'<a href="(/reports/cases[^"]+)">([\d.]+)</a>', page):
            listed = client.get(address.replace("&amp;", "&")).text
            assert f": {number} hồ sơ</h1>" in listed
            assert len(set(re.findall(r'<a href="/cases/(PA-[\d-]+)">', listed))) == int(number)
            links += 1
    assert links > 60


def test_reads_another_areas_cases_through_a_figure(office: Office) -> None:
    office.desk.file(ward="2025:00166", area="legacy:005")
    client = office.desk.log_in("giamsat")
    listed = client.get("/reports/cases?measure=received&area=legacy:005&first=2026-11-01&last=2026-11-30").text
    assert ": 0 hồ sơ</h1>" in listed


def test_wrong_days_show_the_last_thirty_and_say_so(office: Office) -> None:
    client = office.desk.log_in("giamsat")
    for days in ("first=2026-12-01&last=hôm qua", "first=2026-12-09&last=2026-12-01", "first=0001-01-01"):
        assert "Khoảng ngày chưa đúng" in client.get(f"/reports?{days}").text
    assert client.get("/reports/cases?measure=nothing").status_code == 404


def test_an_officer_extends_a_case_once_with_a_reason(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    assert "Hạn mới" in client.get(f"/cases/{code}/extension").text
    assert post(client, f"/cases/{code}/extension", version=1, text="").status_code == 422
    assert post(client, f"/cases/{code}/extension", version=7, text="Chờ vật tư").status_code == 409
    assert post(client, f"/cases/{code}/extension", version=1, text="Chờ vật tư").status_code == 302
    assert "extended" in desk.events(code)
    assert "Không gia hạn được" in post(client, f"/cases/{code}/extension", version=2, text="Nữa").text
    assert desk.log_in("caugiay").get(f"/cases/{code}/extension").status_code == 404
    assert desk.log_in("giamsat").get(f"/cases/{code}/extension").status_code == 403
