"""Cases as rows for spreadsheets, read in pieces; without a word of what citizens wrote unless that was asked for.

Called by export_files. Moments travel as seconds of the epoch: 200,000 rows of datetimes would take too long.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, null, or_, select
from sqlalchemy import case as sql_case
from sqlalchemy.orm import Session, aliased

from cases.measures import MEASURES
from cases.model import Case, Unit
from cases.rulebook import Rulebook
from cases.statistics import seconds
from core.model import Conversation

TEXT, NUMBER, MOMENT = "text", "number", "moment"
Cell = str | int | None
Unseal = Callable[[bytes | None], str]


@dataclass(frozen=True)
class Column:
    """A heading and how its cells are written."""

    heading: str
    kind: str = TEXT


COLUMNS = (
    Column("Mã hồ sơ"),
    Column("Kênh"),
    Column("Lĩnh vực"),
    Column("Mức độ"),
    Column("Trạng thái"),
    Column("Đơn vị đang giữ"),
    Column("Phường/xã"),
    Column("Quận/huyện cũ"),
    Column("Gửi lúc", MOMENT),
    Column("Hạn tiếp nhận", MOMENT),
    Column("Tiếp nhận lúc", MOMENT),
    Column("Trả lời lần đầu lúc", MOMENT),
    Column("Hạn xử lý", MOMENT),
    Column("Xử lý xong lúc", MOMENT),
    Column("Quá hạn lần đầu lúc", MOMENT),
    Column("Gia hạn lúc", MOMENT),
    Column("Đúng hạn"),
    Column("Số lần mở lại", NUMBER),
    Column("Người dân báo chưa xong", NUMBER),
    Column("Điểm người dân chấm", NUMBER),
    Column("Lý do từ chối"),
    Column("Dữ liệu mẫu"),
)
PERSONAL = (Column("Nội dung"), Column("Địa chỉ"), Column("Điện thoại"), Column("Người xuất"))


def columns(personal: bool) -> tuple[Column, ...]:
    """Of a file with or without what citizens wrote and their phone numbers."""
    return COLUMNS + PERSONAL if personal else COLUMNS


def rows(
    session: Session,
    rulebook: Rulebook,
    chosen: ColumnElement[bool],
    now: datetime,
    personal: tuple[Unseal, str] | None = None,
) -> Iterator[tuple[Cell, ...]]:
    """The chosen cases, the oldest first. `personal` is how to unseal a phone number, and who takes it out."""
    words, labels = rulebook.words, {code: entry.label for code, entry in rulebook.categories.items()}
    query = _query(session, chosen, now, personal is not None)
    for row in session.execute(query.execution_options(yield_per=2000)):
        code, channel, category, urgency, status = row[:5]
        closed, late, is_demo = row[20:23]
        yield (
            code,
            channel.title(),
            labels.get(category, category),
            words.urgencies[urgency],
            words.statuses.get(status, status),
            *row[5:16],
            ("không" if late else "có") if closed or late else "",
            *row[16:20],
            "có" if is_demo else "",
            *(_personal(row[23:], *personal) if personal else ()),
        )


def _query(session: Session, chosen: ColumnElement[bool], now: datetime, personal: bool) -> Select[*tuple[Any, ...]]:
    unit, ward, area = aliased(Unit), aliased(Unit), aliased(Unit)
    moments = (
        Case.opened_at, Case.receive_by, Case.received_at, Case.first_answer_at, Case.due_at, Case.resolved_at,
        Case.late_at, Case.extended_at,
    )  # fmt: skip
    query: Select[*tuple[Any, ...]] = (
        select(
            Case.code, Case.channel, Case.category, Case.urgency, Case.status, unit.name, ward.name, area.name,
            *(seconds(session, moment) for moment in moments),
            Case.reopened_count, Case.false_closures, Case.rating, Case.refused_for,
            MEASURES["closed"](Case, now), MEASURES["ever_late"](Case, now), Case.is_demo,
        )
        .join(unit, unit.id == Case.unit_id)
        .outerjoin(ward, ward.id == Case.ward_id)
        .outerjoin(area, area.id == Case.area_id)
        .where(chosen)
        .order_by(Case.opened_at, Case.id)
    )  # fmt: skip
    if personal:
        query = query.join(Conversation, Conversation.id == Case.conversation_id)
        masked = or_(Case.about_unit_id.is_not(None), Case.about_officer_id.is_not(None))
        told = (Case.description, Case.address, Conversation.phone)  # never of who complained about an office
        query = query.add_columns(*(sql_case((masked, null()), else_=column) for column in told))
    return query


def _personal(cells: Sequence[Any], unseal: Unseal, taker: str) -> tuple[Cell, ...]:
    """The last column marks every row with who took it out, wherever the file travels."""
    description, address, phone = cells
    return description or "", address or "", unseal(phone), taker
