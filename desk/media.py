"""Pictures and recordings of citizens, served from VAR_DIR/media behind the gate of their case or conversation."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from flask import Blueprint, send_from_directory
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from cases import attention, conflict, enclosing, joiners, queries
from cases.casework_model import Proof
from core.db import reading
from core.model import Attachment, Inbound
from desk.context import now, officer, services

blueprint = Blueprint("media", __name__)

SHOWN = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PLAYED = frozenset({"audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/amr", "audio/wav", "video/mp4"})


@blueprint.get("/cases/<code>/media/<int:attachment_id>")
def show_case_media(code: str, attachment_id: int) -> ResponseReturnValue:
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        if not conflict.sees_reporter(case, officer(), now()):
            raise queries.NotFoundError(code)  # a photo can tell who took it
        return _file(_stored(session, case.conversation_id, attachment_id))


@blueprint.get("/cases/<code>/joiners/media/<int:attachment_id>")
def show_joiner_media(code: str, attachment_id: int) -> ResponseReturnValue:
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        if not conflict.sees_reporter(case, officer(), now()):
            raise queries.NotFoundError(code)
        sent = (one for told in joiners.told(session, case) for one in told.attachments)
        found = next((one for one in sent if one.id == attachment_id and one.status == "stored"), None)
        if found is None or not found.stored_name:
            raise queries.NotFoundError(str(attachment_id))
        return _file(found)


@blueprint.get("/cases/<code>/proofs/<int:proof_id>")
def show_proof(code: str, proof_id: int) -> ResponseReturnValue:
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        found = session.get(Proof, proof_id)
        if found is None or found.case_id != case.id:
            raise queries.NotFoundError(code)
        return _served("proofs", found.stored_name, found.mime)


@blueprint.get("/cases/<code>/enclosures/<int:outbound_id>")
def show_enclosure(code: str, outbound_id: int) -> ResponseReturnValue:
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        if not conflict.sees_reporter(case, officer(), now()):
            raise queries.NotFoundError(code)  # a letter can bear their name
        found = enclosing.sent_file(session, case, outbound_id)
        return _served("outgoing", found["name"], found["mime"], found["title"])


@blueprint.get("/attention/<int:conversation_id>/media/<int:attachment_id>")
def show_conversation_media(conversation_id: int, attachment_id: int) -> ResponseReturnValue:
    with reading(services().database) as session:
        found = attention.conversation_for(session, officer(), conversation_id)
        return _file(_stored(session, found.id, attachment_id))


def attachments_of(session: Session, conversation_id: int) -> Mapping[int, Sequence[Attachment]]:
    """What came with each inbound message of a conversation, by the id of the inbound."""
    query = select(Attachment).join(Inbound, Inbound.id == Attachment.inbound_id)
    found: dict[int, list[Attachment]] = defaultdict(list)
    for row in session.scalars(query.where(Inbound.conversation_id == conversation_id).order_by(Attachment.id)):
        found[row.inbound_id].append(row)
    return found


def look(attachment: Attachment) -> str:
    """How a page shows it: image, audio, video, file, or waiting or failed while there is nothing to show."""
    if attachment.status != "stored":
        return "failed" if attachment.status == "failed" else "waiting"
    if attachment.mime in SHOWN:
        return "image"
    return (attachment.mime or "").split("/")[0] if attachment.mime in PLAYED else "file"


def _stored(session: Session, conversation_id: int, attachment_id: int) -> Attachment:
    query = select(Attachment).join(Inbound, Inbound.id == Attachment.inbound_id)
    mine = query.where(Attachment.id == attachment_id, Inbound.conversation_id == conversation_id)
    found = session.scalars(mine.where(Attachment.status == "stored")).first()
    if found is None or not found.stored_name:
        raise queries.NotFoundError(str(attachment_id))
    return found


def _file(attachment: Attachment) -> Response:
    return _served("media", attachment.stored_name or "", attachment.mime)


def _served(folder: str, name: str, mime: str | None, title: str | None = None) -> Response:
    """Only kinds a browser shows without running anything; the rest is a download of bytes."""
    shown = mime in SHOWN | PLAYED
    response = send_from_directory(
        (services().config.var_dir / folder).resolve(),
        name,
        mimetype=mime if shown else "application/octet-stream",
        as_attachment=not shown,
        download_name=title,
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
