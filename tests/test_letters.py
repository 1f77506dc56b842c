"""The lawful way of a petition: an empty letter with all the law asks for, open to everybody, offered by the bot."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from docx import Document
from sqlalchemy import select

from cases.letters import MIME, load_letters
from cases.rulebook import Rulebook
from core.config import load_config
from core.db import Database, reading
from core.model import Inbound
from portal.app import create_app
from tests.support import Clock, FakeChannel
from tests.talk import Talk
from webhook.deliver import Deliverer, Means
from webhook.kept import FORGOTTEN

NEEDED = {
    "complain_decision": (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "ĐƠN KHIẾU NẠI", "Kính gửi:",
        "Họ và tên:", "Địa chỉ:", "bị khiếu nại", "lý do khiếu nại", "Yêu cầu giải quyết", "Tài liệu kèm theo",
        "Tôi cam đoan", "NGƯỜI KHIẾU NẠI", "điểm chỉ", "90 ngày",
    ),
    "denounce": (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "ĐƠN TỐ CÁO", "Kính gửi:",
        "Họ và tên:", "Địa chỉ:", "Cách thức liên hệ", "Hành vi vi phạm pháp luật bị tố cáo", "giữ bí mật",
        "Tôi cam đoan", "NGƯỜI TỐ CÁO", "điểm chỉ",
    ),
}  # fmt: skip
SLUGS = {kind: letter.file_name for kind, letter in load_letters().items()}


def words_in(data: bytes) -> str:
    paper = Document(io.BytesIO(data))
    cells = [cell.text for table in paper.tables for row in table.rows for cell in row.cells]
    return "\n".join([paragraph.text for paragraph in paper.paragraphs] + cells)


@pytest.mark.parametrize("kind", sorted(NEEDED))
def test_everybody_downloads_the_letter_with_all_the_law_asks_for(
    kind: str, database: Database, rulebook: Rulebook, tmp_path: Path, clock: Clock
) -> None:
    config = load_config({"TIEPDAN_DEMO": "1", "VAR_DIR": str(tmp_path)}, Path("/nonexistent"))
    client = create_app(config, database, rulebook, clock).test_client()
    answer = client.get(f"/letters/{SLUGS[kind]}")
    assert (answer.status_code, answer.mimetype) == (200, MIME)
    assert SLUGS[kind] in answer.headers["Content-Disposition"]
    words = words_in(answer.data)
    assert [needed for needed in NEEDED[kind] if needed not in words] == []
    assert words.index("CỘNG HÒA") < words.index("ĐƠN") < words.index("Kính gửi") < words.index("Tôi cam đoan")
    for nothing in ("/letters/", "/letters/don.docx", "/letters/../app.py", "/letters/don-to-cao"):
        assert client.get(nothing).status_code == 404


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("tôi muốn tố cáo ông chủ tịch", "denounce"),
        ("toi muon to cao ong chu tich", "denounce"),
        ("tôi khiếu nại quyết định phạt", "complain_decision"),
    ],
)
def test_who_writes_of_a_petition_gets_the_way_the_limits_the_receiver_and_the_letter(
    words: str, kind: str, talk: Talk, tmp_path: Path
) -> None:
    talk.dialogue.means[words] = kind
    talk.hear(words)
    channel, outgoing = FakeChannel(), tmp_path / "outgoing"
    converser = replace(talk.converser, outgoing=outgoing)
    deliverer = Deliverer(talk.database, {"zalo": channel}, talk.clock, Means(folder=outgoing))
    while converser.step("w") or deliverer.step("w"):
        pass
    way, letter, file = channel.sent
    letter_of = load_letters()[kind]
    assert "Điều" in way.text and "ngày" in way.text
    assert talk.rulebook.casebook.refusals[letter_of.body].body in letter.text
    (button,) = letter.buttons
    assert (button.title, button.is_link) == (letter_of.button, True)
    assert button.payload.endswith(f"/letters/{letter_of.file_name}") and len(button.title) <= 20
    assert file.file is not None and file.file.title == letter_of.file_name
    assert letter_of.title in words_in(file.file.data)
    with reading(talk.database) as session:
        assert session.scalars(select(Inbound.text)).all() == [FORGOTTEN]
    assert len(list(outgoing.iterdir())) == 1
