"""What officers do with a case, in the shortest words, and pictures for their proofs; for tests of the desk."""

import io
import random
import re
from datetime import timedelta

from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases import service
from cases.model import Case
from core.content import recognise
from core.db import transaction
from core.model import Attachment, Conversation, Inbound
from core.vault import Vault
from tests.desk import NOW, Desk
from tests.pages import post

GOOD = "Lúc 15 giờ ngày 24/11, tổ vệ sinh Kim Liên đã thu gom rác tại ngõ 12. Nếu còn rác, chúng tôi sẽ quay lại."
ELSEWHERE = {"ward": "2025:00166", "area": "legacy:005"}
ACCUSES = "Cán bộ một cửa phường thái độ hách dịch, vòi vĩnh tiền của dân. Tôi tên là Nguyễn Văn Tèo."


def picture(seed: int = 1, size: tuple[int, int] = (320, 240), kind: str = "PNG") -> bytes:
    """A picture of its own for every seed, smooth as photos are."""
    chance = random.Random(seed)
    small = Image.new("RGB", (12, 9))
    small.putdata([(chance.randrange(256), chance.randrange(256), chance.randrange(256)) for _ in range(108)])
    out = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()


def cut(data: bytes) -> bytes:
    """The same photo without its edges."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.crop((10, 10, image.width - 10, image.height - 10)).save(out, "PNG")
    return out.getvalue()


def close(client: FlaskClient, code: str, version: int, text: str = GOOD, *files: bytes, **form: str) -> TestResponse:
    proofs = [(io.BytesIO(data), f"anh{number}.png") for number, data in enumerate(files)]
    return post(client, f"/cases/{code}/resolve", version=version, text=text, proof=proofs, **form)


def act(client: FlaskClient, code: str, action: str, version: int, text: str = "", **form: object) -> TestResponse:
    return post(client, f"/cases/{code}/{action}", version=version, text=text, **form)


def listed(client: FlaskClient, address: str) -> list[str]:
    return re.findall(r'data-code="([^"]+)"', client.get(address).text)


def give_phone(desk: Desk, code: str, phone: str) -> None:
    vault = Vault(desk.config.data_keys)
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        person = session.get_one(Conversation, case.conversation_id)
        person.phone, person.phone_hash = vault.seal(phone), vault.fingerprint(phone)


def give_photo(desk: Desk, code: str) -> None:
    folder = desk.config.var_dir / "media"
    folder.mkdir()
    (folder / "photo").write_bytes(picture())
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        mine = session.scalars(select(Inbound.id).where(Inbound.conversation_id == case.conversation_id)).one()
        stored = {"status": "stored", "stored_name": "photo", "mime": "image/png", "next_at": NOW}
        session.add(Attachment(inbound_id=mine, kind="image", url="", **stored))


def citizen_says_not_done(desk: Desk, code: str) -> None:
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        service.reopen(session, desk.rulebook, case, None, "Chưa xong", desk.clock.now)


def send_photo(desk: Desk, code: str, data: bytes, *, days_ago: int = 1) -> None:
    """The citizen of this case has sent a photo, as the worker keeps it."""
    with transaction(desk.database) as session:
        conversation_id = session.scalars(select(Case.conversation_id).where(Case.code == code)).one()
        inbound = desk.inbound(conversation_id, "", "media")
        inbound.sent_at = desk.clock.now - timedelta(days=days_ago)
        session.add(inbound)
        session.flush()
        kept = {"status": "stored", "fingerprint": recognise(data, "image").fingerprint, "next_at": inbound.sent_at}
        session.add(Attachment(inbound_id=inbound.id, kind="image", url="", **kept))
