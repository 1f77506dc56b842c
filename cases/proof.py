"""Closing with proof: what an officer uploads to show the work, made safe and compared; called by the desk.

An upload is as untrusted as a citizen's: it is recognised by its bytes, pictures are drawn anew, anything that is not a
picture, a PDF or a Word file is refused. Nothing here blocks a closing but a field case without any proof or excuse.
"""

import hashlib
import io
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cases import fingerprints, replies, service
from cases.casework_model import Proof
from cases.categories import Category
from cases.history import record
from cases.model import Case, Officer
from cases.rulebook import Rulebook
from cases.steps import ActionRefusedError, check
from cases.uploads import admit
from core.content import WORD, Content, PictureError, recognise
from core.scanner import Scanner

MOST_FILES = 4
ACCEPTED = frozenset({"image/jpeg", "image/png", "application/pdf", WORD})
BY_A_CITIZEN = "citizen"  # in place of a code: the citizen who sent it has filed nothing
ALIKE = 4  # of 64 bits: the same photo sent again after resizing or compression


class ProofRefusedError(ActionRefusedError):
    """A file that is broken, or of a kind that is no proof, or one too many."""


@dataclass(frozen=True)
class Upload:
    """A checked file, on disk under `name` but of no case yet."""

    name: str
    content: Content
    digest: str
    look: str | None


def is_field_work(category: Category) -> bool:
    """Work that leaves something to photograph; where people are the matter nobody is to photograph them."""
    return (category.needs_exact_location or category.needs_photo) and not category.sensitive


def receive(folder: Path, files: Sequence[bytes], scan: Scanner | None) -> list[Upload]:
    """Check the files and write them down, outside any transaction. Raises ActionRefusedError and leaves nothing."""
    if len(files) > MOST_FILES:
        raise ProofRefusedError("proof_many")
    for data in files:
        admit(data, scan)
    checked = [_checked(data) for data in files]
    for upload in checked:
        _write(folder, upload)
    return checked


def discard(folder: Path, uploads: Sequence[Upload]) -> None:
    """The case was not closed after all: what was uploaded for it goes."""
    for upload in uploads:
        (folder / upload.name).unlink(missing_ok=True)


def attach(
    session: Session, case: Case, officer: Officer, uploads: Sequence[Upload], now: datetime, version: int
) -> None:
    """The files belong to the case from now on; closing it is another step. Raises StaleCaseError."""
    check(case, version)
    for upload in uploads:
        session.add(
            Proof(
                case_id=case.id,
                officer_id=officer.id,
                at=now,
                stored_name=upload.name,
                mime=upload.content.mime,
                size=len(upload.content.data),
                digest=upload.digest,
                look=upload.look,
                used_before=used_before(session, case, upload) or _sent_in(session, case, upload, now),
            )
        )
    session.flush()


def doubts(session: Session, rulebook: Rulebook, case: Case, text: str) -> list[str]:
    """What is odd about closing like this, by code; the officer sees it before, the supervisor afterwards."""
    found = list(replies.doubts_about(session, case, text))
    proofs = _of_this_closing(session, case)
    citizens = {BY_A_CITIZEN, case.code}
    if any(one.used_before and one.used_before not in citizens for one in proofs):
        found.append("photo_used")
    if any(one.used_before in citizens for one in proofs):
        found.append("photo_of_citizen")
    category = rulebook.categories.get(case.category)
    if category is not None and is_field_work(category) and not proofs:
        found.append("no_proof")
    return found


def resolve(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    text: str,
    now: datetime,
    version: int,
    excuse: str = "",
) -> None:
    """Close a case with its proofs. Raises ActionRefusedError for open blanks and for field work without any proof."""
    if replies.blanks(text):
        raise ActionRefusedError("blanks_left")
    found = doubts(session, rulebook, case, text)
    if "no_proof" in found and not excuse:
        raise ActionRefusedError("proof_missing")
    service.resolve(session, rulebook, case, officer, text, now, version)
    case.doubts = " ".join(found)
    replies.remember(session, case, text)
    if found:
        record(session, case, "closed_with_doubts", now, officer, doubts=found, reason=excuse)


def proofs_of(session: Session, case: Case) -> Sequence[Proof]:
    """Pictures of what was done, in order."""
    return session.scalars(select(Proof).where(Proof.case_id == case.id).order_by(Proof.id)).all()


def _of_this_closing(session: Session, case: Case) -> list[Proof]:
    """A case that came back needs a new proof: the old one did not convince the citizen."""
    again = [event.at for event in case.events if event.kind == "reopened"]
    return [one for one in proofs_of(session, case) if not again or one.at > again[-1]]


def used_before(session: Session, case: Case, upload: Upload) -> str | None:
    """The code of another case for which this very file, or a picture that looks like it, has been proof."""
    others = select(Proof.look, Proof.digest, Case.code).join(Case, Case.id == Proof.case_id)
    others = others.where(Proof.case_id != case.id)
    same = Proof.digest == upload.digest
    exact = others.where(or_(same, Proof.look == upload.look) if upload.look else same)
    found = session.execute(exact.limit(1)).first()
    if found is not None:
        return str(found.code)
    if upload.look is None:
        return None
    # Photos are reused by the people of the same unit: its last ones are compared bit by bit.
    recent = others.where(Case.unit_id == case.unit_id, Proof.look.is_not(None)).order_by(Proof.id.desc()).limit(2000)
    wanted = int(upload.look, 16)
    alike = (row.code for row in session.execute(recent) if (int(row.look, 16) ^ wanted).bit_count() <= ALIKE)
    return next(alike, None)


def _sent_in(session: Session, case: Case, upload: Upload, now: datetime) -> str | None:
    """The case for which a citizen sent this picture; it shows the trouble, or another one, and not the work."""
    if upload.content.fingerprint is None:
        return None
    sender = fingerprints.sent_by_citizen(session, upload.content.fingerprint, case.conversation_id, now)
    if sender is None or sender == case.conversation_id:
        return case.code if sender else None
    theirs = select(Case.code).where(Case.conversation_id == sender).order_by(Case.id.desc()).limit(1)
    return session.scalars(theirs).first() or BY_A_CITIZEN


def look_of(picture: bytes) -> str:
    """A difference hash: which of two neighbouring points is brighter, on a picture of 9 by 8 points; 64 bits, hex."""
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("L").resize((9, 8), Image.Resampling.BOX)
    points = small.tobytes()
    bits = [points[row * 9 + place] > points[row * 9 + place + 1] for row in range(8) for place in range(8)]
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


def _checked(data: bytes) -> Upload:
    try:
        content = recognise(data, "file")
    except PictureError:
        raise ProofRefusedError("proof_broken") from None
    if content.mime not in ACCEPTED:
        raise ProofRefusedError("proof_kind")
    look = look_of(content.thumbnail) if content.thumbnail else None
    return Upload(secrets.token_hex(16), content, hashlib.sha256(data).hexdigest(), look)


def _write(folder: Path, upload: Upload) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / upload.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(upload.content.data)
        file.flush()
        os.fsync(file.fileno())
