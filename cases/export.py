"""Cases as a table for spreadsheets, without a word of what citizens wrote; called by desk.reports."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from cases.deadlines import LOCAL
from cases.model import Case, Unit
from cases.rulebook import Rulebook
from cases.workflow import Status

BOM = "\ufeff"  # without it Excel reads Vietnamese letters as something else
FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEADERS = (
    "Mã hồ sơ",
    "Lĩnh vực",
    "Mức độ",
    "Trạng thái",
    "Đơn vị đang giữ",
    "Phường/xã",
    "Quận/huyện cũ",
    "Gửi lúc",
    "Hạn tiếp nhận",
    "Tiếp nhận lúc",
    "Trả lời lần đầu lúc",
    "Hạn xử lý",
    "Xử lý xong lúc",
    "Đúng hạn",
    "Số lần mở lại",
    "Dữ liệu mẫu",
)


def csv_of(
    session: Session, rulebook: Rulebook, scope: ColumnElement[bool], start: datetime, end: datetime
) -> Iterator[str]:
    """The file in pieces: the cases in scope opened in [start, end), oldest first; times are local."""
    yield BOM + _line(HEADERS)
    unit, ward, area = aliased(Unit), aliased(Unit), aliased(Unit)
    query = (
        select(Case, unit.name, ward.name, area.name)
        .join(unit, unit.id == Case.unit_id)
        .outerjoin(ward, ward.id == Case.ward_id)
        .outerjoin(area, area.id == Case.area_id)
        .where(scope, Case.opened_at >= start, Case.opened_at < end)
        .order_by(Case.opened_at, Case.id)
    )
    for case, *names in session.execute(query.execution_options(yield_per=500)):
        yield _line(_cells(rulebook, case, [name or "" for name in names]))
        session.expunge(case)  # a long file must not pile up in memory


def safe(cell: str) -> str:
    """A spreadsheet runs a cell that begins like a formula; a leading apostrophe makes it text."""
    return "'" + cell if cell.startswith(FORMULA) else cell


def _cells(rulebook: Rulebook, case: Case, units: Sequence[str]) -> tuple[str, ...]:
    category = rulebook.categories.get(case.category)
    return (
        case.code,
        category.label if category else case.category,
        rulebook.words.urgencies[case.urgency],
        rulebook.words.statuses[case.status],
        *units,
        _local(case.opened_at),
        _local(case.receive_by),
        _local(case.received_at),
        _local(case.first_answer_at),
        _local(case.due_at),
        _local(case.resolved_at),
        _on_time(case),
        str(case.reopened_count),
        "có" if case.is_demo else "",
    )


def _on_time(case: Case) -> str:
    if case.status != Status.RESOLVED or case.resolved_at is None:
        return ""
    return "có" if case.resolved_at <= case.due_at else "không"


def _local(moment: datetime | None) -> str:
    return f"{moment.astimezone(LOCAL):%Y-%m-%d %H:%M}" if moment else ""


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([safe(cell) for cell in cells])
    return buffer.getvalue()
