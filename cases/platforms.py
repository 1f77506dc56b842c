"""What the platforms told the operator, newest first; called by desk."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.model import PlatformNotice


def platform_notices(session: Session, *, limit: int = 50) -> Sequence[PlatformNotice]:
    """What the platforms told us, the latest first."""
    return session.scalars(select(PlatformNotice).order_by(PlatformNotice.last_at.desc()).limit(limit)).all()
