"""Many made-up lives of cases, led by the services themselves through Tết, month ends and midnights."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from cases import clocks, closings, service, withdrawal
from cases.deadlines import LOCAL
from cases.extension import extend, may_extend
from cases.history import record
from cases.model import Case, Officer
from cases.rulebook import Rulebook
from cases.service import Draft
from cases.workflow import OPEN, Status
from core.model import Outbound
from tests.support import CAU_GIAY, CAU_GIAY_WARD, CITY, DONG_DA, KIM_LIEN, LANG, add_conversation, add_officer

PLACES = ((KIM_LIEN, DONG_DA), (LANG, DONG_DA), (CAU_GIAY_WARD, CAU_GIAY), (CAU_GIAY_WARD, DONG_DA), (None, DONG_DA))
CATEGORIES = ("waste", "noise", "road_damage", "drainage")
# Local times at which days, months and Tết begin and end, to the second.
EDGES = (
    "2026-01-31 23:59:59", "2026-02-01 00:00:00", "2026-02-01 06:59:59", "2026-02-01 07:00:00",
    "2026-02-13 16:55:00", "2026-02-13 17:00:00", "2026-02-14 00:00:00", "2026-02-17 00:00:00", "2026-02-19 12:30:00",
    "2026-02-22 23:59:59", "2026-02-23 00:00:00", "2026-02-23 07:59:59", "2026-02-28 23:59:59", "2026-03-01 00:00:00",
    "2026-03-31 23:59:59", "2026-04-01 00:00:00", "2026-04-01 06:59:59",
)  # fmt: skip
UNTIL = datetime(2026, 4, 20, 3, 17, 5, tzinfo=UTC)


def lead_lives(session: Session, rulebook: Rulebook, count: int, seed: int = 1) -> None:
    """`count` cases, filed between January and April 2026, each somewhere between unread and closed twice."""
    chance = random.Random(seed)
    workers = [add_officer(session, f"w{n}", unit) for n, unit in enumerate((CITY, DONG_DA, KIM_LIEN, LANG))]
    add_officer(session, "boss", CITY, "coordinator")
    for number in range(count):
        _life(session, rulebook, chance, workers, number)
    while clocks.sweep(session, rulebook, UNTIL):
        pass


def _life(session: Session, rulebook: Rulebook, chance: random.Random, workers: Sequence[Officer], number: int) -> None:
    ward, area = chance.choice(PLACES)
    conversation = add_conversation(session, f"life-{number}", chance.choice(("zalo", "zalo", "messenger")))
    words = "Rác chưa thu gom" if chance.random() < 0.8 else "Cháy nhà, nguy hiểm"
    draft = Draft(conversation.id, chance.choice(CATEGORIES), words, ward_id=ward, area_id=area)
    now = _filed(chance)
    case = service.open_case(session, rulebook, draft, f"life:{number}", now)
    case.is_demo = chance.random() < 0.1
    for _ in range(chance.randrange(0, 9)):
        now += timedelta(seconds=int(chance.expovariate(1 / (30 * 3600))) + 1)
        if now > UNTIL:
            return
        _step(session, rulebook, chance, case, chance.choice(workers), now)


def _filed(chance: random.Random) -> datetime:
    if chance.random() < 0.4:
        return datetime.fromisoformat(chance.choice(EDGES)).replace(tzinfo=LOCAL).astimezone(UTC)
    if chance.random() < 0.3:
        return UNTIL - timedelta(seconds=chance.randrange(12 * 86400))
    return datetime(2026, 1, 20, tzinfo=UTC) + timedelta(seconds=chance.randrange(85 * 86400))


def _step(session: Session, rulebook: Rulebook, chance: random.Random, case: Case, by: Officer, now: datetime) -> None:
    if case.status not in OPEN:
        _after_the_end(session, rulebook, chance, case, by, now)
        return
    target = chance.choice([unit for unit in (KIM_LIEN, LANG, CAU_GIAY_WARD) if unit != case.unit_id])
    moves: tuple[Callable[[], object], ...] = (
        lambda: service.take(session, case, by, now),
        lambda: service.reply(session, rulebook, case, by, "Đang kiểm tra", now),
        lambda: service.ask(session, rulebook, case, by, "Ở đâu ạ?", now),
        lambda: service.add_information(session, rulebook, case, int(now.timestamp()), now),
        lambda: service.resolve(session, rulebook, case, by, "Đã dọn", now),
        lambda: service.resolve(session, rulebook, case, by, "Đã xong", now),
        lambda: _refuse(session, rulebook, chance, case, by, now),
        lambda: service.transfer(session, rulebook, case, by, target, "Sai nơi", now),
        lambda: may_extend(case, now) and extend(session, rulebook, case, by, "Chờ vật tư", now, case.version),
        lambda: _lose(session, case),
        lambda: withdrawal.withdraw(session, rulebook, case, int(now.timestamp()), now),
    )
    chance.choice(moves)()


def _lose(session: Session, case: Case) -> None:
    session.execute(update(Outbound).where(Outbound.case_id == case.id).values(status="dead"))


def _after_the_end(
    session: Session, rulebook: Rulebook, chance: random.Random, case: Case, by: Officer, now: datetime
) -> None:
    if chance.random() < 0.5:
        record(session, case, "rated", now, score=chance.randint(1, 5))
    elif case.status == Status.RESOLVED:
        service.reopen(session, rulebook, case, chance.choice((by, None)), "Chưa xong", now)


def _refuse(session: Session, book: Rulebook, chance: random.Random, case: Case, by: Officer, now: datetime) -> None:
    if chance.random() < 0.2:
        closings.mark_abuse(session, book, case, by, "Quảng cáo", now, case.version)
        return
    reason = chance.choice(("other_body", "complaint"))
    closings.refuse(session, book, case, by, reason, "Sở Xây dựng", "", now, case.version)
