"""Messages that were given up, with the case they speak of; called by desk."""

from collections.abc import Sequence

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from cases.model import Case
from core.model import Outbound


def dead_letters(session: Session, *, limit: int = 200) -> Sequence[Row[Outbound, str | None]]:
    """Given-up messages, oldest first, each with the code of its case if it has one."""
    query = select(Outbound, Case.code).outerjoin(Case, Case.id == Outbound.case_id).where(Outbound.status == "dead")
    return session.execute(query.order_by(Outbound.id).limit(limit)).all()
