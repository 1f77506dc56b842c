"""The photo or document an officer sends with a reply, checked and made fit for both platforms; called by the desk.

An upload is told by its bytes, whatever its name says; a picture is drawn anew, and smaller where platforms want it.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from cases.model import Case
from cases.queries import NotFoundError
from cases.steps import ActionRefusedError
from cases.uploads import admit
from core import enclosure
from core.content import WORD, Content, PictureError, fitted, recognise
from core.enclosure import EnclosureError
from core.model import Outbound
from core.scanner import Scanner

MACROS = b"vbaProject"  # how the part of a Word file that runs is called


def receive(folder: Path, files: Sequence[tuple[str, bytes]], scan: Scanner | None) -> dict[str, str] | None:
    """Keep the one file that came, if any; outside any transaction. Raises ActionRefusedError and leaves nothing."""
    if not files:
        return None
    if len(files) > 1:
        raise ActionRefusedError("enclosure_many")
    [(title, data)] = files
    admit(data, scan)
    try:
        return enclosure.keep(folder, _sendable(data).data, title)
    except PictureError:
        raise ActionRefusedError("proof_broken") from None
    except EnclosureError as error:
        raise ActionRefusedError(f"enclosure_{error.code}") from None


def sent_file(session: Session, case: Case, outbound_id: int) -> dict[str, str]:
    """A file that an officer sent about this very case and has not taken back; NotFoundError for any other."""
    found = session.get(Outbound, outbound_id)
    if found is None or found.case_id != case.id or found.author != "officer" or found.status == "cancelled":
        raise NotFoundError(case.code)
    if found.attachment is None or found.attachment["kind"] != "file":
        raise NotFoundError(case.code)
    return found.attachment


def _sendable(data: bytes) -> Content:
    """Raises EnclosureError for what is no picture, PDF or plain Word file, PictureError for a broken picture."""
    content = recognise(data, "file")
    if content.thumbnail is not None:
        return fitted(content, enclosure.MAX_PICTURE)
    is_plain_word = content.mime == WORD and data.startswith(b"PK") and MACROS not in data
    if content.mime != "application/pdf" and not is_plain_word:
        raise EnclosureError("kind")
    return content
