"""Seen from outside: what Prometheus reads, and what the administrator is told in time."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from prometheus_client import generate_latest
from sqlalchemy import update

from cases.alarms import Alarm, Spooled, alarms
from cases.rulebook import Rulebook
from cases.service import Draft, open_case
from core import arrivals, outbox
from core.db import Database, transaction
from core.model import ChannelToken, Outbound
from core.spool import Spool
from core.vault import Vault
from tests.offices import Office
from tests.support import DONG_DA, KIM_LIEN, NOW, ROOT, VAULT, Clock, add_conversation, add_officer, add_units, said
from webhook.metrics import Gauges, registry

NOTHING = Spooled()
TOLD = "tin của người dân: 0912345678"


def _figures(database: Database, spool: Spool, clock: Clock) -> dict[str, float]:
    text = generate_latest(registry(Gauges(database, spool, clock))).decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_queues_tokens_and_spool_are_seen_with_their_age(database: Database, clock: Clock, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", Vault(["key"]))
    with transaction(database) as session:
        conversation = add_conversation(session)
        arrivals.accept(session, [said(TOLD)], NOW, VAULT)
        outbox.enqueue(session, conversation.id, "k1", TOLD, NOW, author="bot")
        outbox.enqueue(session, conversation.id, "k2", TOLD, NOW, author="bot")
        session.execute(update(Outbound).where(Outbound.key == "k2").values(status="dead"))
        session.add(ChannelToken(channel="zalo", expires_at=NOW + timedelta(hours=3), version=1))
    spool.append(said(TOLD), said(TOLD))
    clock.advance(seconds=90)
    found = _figures(database, spool, clock)
    assert found['tiepdan_queue_depth{queue="inbox"}'] == 1
    assert found['tiepdan_queue_oldest_seconds{queue="inbox"}'] == 90
    assert found['tiepdan_queue_depth{queue="outbox"}'] == 1
    assert found["tiepdan_dead_letters"] == 1
    assert found['tiepdan_token_expires_seconds{channel="zalo"}'] == 3 * 3600 - 90
    assert found["tiepdan_spool_events"] == 2
    assert found["tiepdan_database_up"] == found["tiepdan_spool_has_room"] == 1


def test_figures_are_still_served_while_the_database_is_away(empty_database: Database, tmp_path: Path) -> None:
    found = _figures(empty_database, Spool(tmp_path / "spool", Vault(["key"])), Clock())
    assert found["tiepdan_database_up"] == 0 and found["tiepdan_spool_events"] == 0


def test_counts_of_several_processes_are_added_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    count = "from core import metrics; metrics.SENT.labels('zalo').inc(2)"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], cwd=ROOT, env=environment, check=True)
    show = (
        "from prometheus_client import CollectorRegistry, generate_latest\n"
        "from prometheus_client.multiprocess import MultiProcessCollector\n"
        "found = CollectorRegistry(); MultiProcessCollector(found); print(generate_latest(found).decode())"
    )
    run = subprocess.run([sys.executable, "-c", show], cwd=ROOT, env=environment, check=True, capture_output=True)
    assert 'tiepdan_messages_sent_total{channel="zalo"} 4.0' in run.stdout.decode()


def _codes(database: Database, rulebook: Rulebook, spooled: Spooled = NOTHING, **later: float) -> dict[str, Alarm]:
    with transaction(database) as session:
        found = alarms(session, rulebook, spooled, NOW + timedelta(**later), zalo=True)
    return {alarm.code: alarm for alarm in found}


def test_what_ends_or_is_stuck_or_missing_is_an_alarm(database: Database, rulebook: Rulebook) -> None:
    with transaction(database) as session:
        add_units(session)
        conversation = add_conversation(session)
        outbox.enqueue(session, conversation.id, "k", TOLD, NOW, author="bot")
        session.execute(update(Outbound).values(status="dead"))
        arrivals.accept(session, [said(TOLD)], NOW, VAULT)
    found = _codes(database, rulebook, Spooled(3, 1, has_room=False), minutes=11)
    assert {"disk_full", "token_not_connected", "unanswered", "dead_letters"} <= found.keys()
    assert (found["spool_waiting"].count, found["spool_set_aside"].count) == (3, 1)
    assert "answers_overdue" in _codes(database, rulebook, days=3000)
    assert "calendar_ends" in _codes(database, rulebook, days=3000)


def test_a_unit_with_work_and_nobody_to_do_it_is_an_alarm_until_somebody_has_an_account(
    database: Database, rulebook: Rulebook
) -> None:
    with transaction(database) as session:
        add_units(session)
        conversation = add_conversation(session)
        draft = Draft(conversation.id, "waste", "rác", ward_id=KIM_LIEN, area_id=DONG_DA)
        open_case(session, rulebook, draft, "turn:1:0", NOW)
    assert _codes(database, rulebook)["units_without_officer"].names == ("Phường Kim Liên",)
    with transaction(database) as session:
        add_officer(session, "dongda", DONG_DA)
    assert "units_without_officer" not in _codes(database, rulebook)


def test_an_administrator_sees_what_needs_a_look_and_an_officer_does_not(office: Office) -> None:
    with transaction(office.database) as session:
        conversation = add_conversation(session)
        outbox.enqueue(session, conversation.id, "k", TOLD, NOW, author="bot")
        session.execute(update(Outbound).values(status="dead"))
    words = "tin gửi cho người dân đã dừng"
    page = office.log_in("quantri").get("/admin/")
    assert page.status_code == 200 and words in page.text and TOLD not in page.text
    assert words not in office.log_in("dongda").get("/admin/").text
