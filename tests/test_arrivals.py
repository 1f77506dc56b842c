"""Many events in one transaction: each is stored once, in its order, whatever stands between the messages."""

from dataclasses import replace

from sqlalchemy import func, select, update

from core import arrivals, outbox
from core.db import Database, reading, transaction
from core.model import Attachment, Conversation, Inbound, Outbound
from tests.support import NOW, VAULT, said


def test_a_crowd_is_stored_whole_and_a_repeat_changes_nothing(database: Database) -> None:
    crowd = [said(f"việc {n}", user=f"u{n % 7}", external_id=f"m-{n}") for n in range(60)]
    with transaction(database) as session:
        assert arrivals.accept(session, [*crowd, crowd[3]], NOW, VAULT) == 60
    with transaction(database) as session:
        more = said("việc mới", user="u0", external_id="m-new")
        assert arrivals.accept(session, [crowd[0], more, *crowd], NOW, VAULT) == 1
    with reading(database) as session:
        assert session.scalar(select(func.count(Conversation.id))) == 7
        told = session.execute(
            select(Conversation.user_id, Inbound.external_id)
            .join(Inbound, Inbound.conversation_id == Conversation.id)
            .order_by(Inbound.id)
        ).all()
    assert [tuple(row) for row in told[:60]] == [(event.user_id, event.external_id) for event in crowd]
    assert tuple(told[60]) == ("u0", "m-new")


def test_attachments_follow_their_own_message(database: Database) -> None:
    photo = {"type": "image", "url": "https://example.org/a.jpg"}
    events = [said("một", external_id="a-1"), said(kind="media", external_id="a-2", attachments=(photo, photo))]
    with transaction(database) as session:
        arrivals.accept(session, [*events, events[1]], NOW, VAULT)
    with reading(database) as session:
        ids = session.scalars(select(Inbound.external_id).join(Attachment, Attachment.inbound_id == Inbound.id)).all()
    assert ids == ["a-2", "a-2"]


def test_who_leaves_and_writes_again_is_here_and_who_writes_and_leaves_is_gone(database: Database) -> None:
    left = {user: said(kind="left", user=user) for user in ("back", "gone")}
    with transaction(database) as session:
        arrivals.accept(session, [said("chào", user="back"), said("chào", user="gone")], NOW, VAULT)
        conversation = arrivals.get_conversation(session, "zalo", "back", NOW)
        outbox.enqueue(session, conversation.id, "k", "đang giữ", NOW, author="bot")
        session.flush()
        session.execute(update(Outbound).values(status="held"))
    with transaction(database) as session:
        events = [left["back"], said("tôi đây", user="back"), said("thôi nhé", user="gone"), left["gone"]]
        arrivals.accept(session, events, NOW, VAULT)
    with reading(database) as session:
        gone = {user: left for user, left in session.execute(select(Conversation.user_id, Conversation.left_at))}
        assert gone["back"] is None and gone["gone"] == NOW
        assert session.scalars(select(Outbound.status)).all() == ["waiting"]


def test_the_link_and_the_person_at_the_platforms_inbox_are_noted_of_the_right_citizen(database: Database) -> None:
    events = [said("một", user="a"), replace(said("hai", user="b"), referral="áp phích 7", standby=True)]
    with transaction(database) as session:
        arrivals.accept(session, events, NOW, VAULT)
    with reading(database) as session:
        rows = session.execute(select(Conversation.source, Conversation.human_at).order_by(Conversation.user_id)).all()
    assert [tuple(row) for row in rows] == [(None, None), ("áp phích 7", NOW)]
