"""What citizens may do about their own data: from the message through worker and actions to rows and replies."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from actions.privacy import QUESTIONS
from cases import consents, corrections, personal, service
from cases.consents import VERSION, Consent, Purpose
from cases.data_requests import DataRequest
from cases.masking import mask
from cases.model import Case
from cases.rulebook import Rulebook
from core import arrivals
from core.db import Database, reading, transaction
from core.model import Attachment, Conversation, Inbound, Outbound, Turn
from core.vault import Vault
from portal.app import create_app
from tests.dialogue import Dialogue, domain
from tests.offices import token_in
from tests.support import DONG_DA, KIM_LIEN, Clock, FakeChannel, FakeRasa, add_officer, add_units, said
from webhook.chores import Chores
from webhook.converse import Converser
from webhook.deliver import Deliverer
from webhook.exporter import Exporter
from webhook.rasa_client import RasaClient

USER, PHONE = "u1", "0912345678"
WHERE = {"address": "Ngõ 12", "ward_id": KIM_LIEN, "area_id": DONG_DA, "lat": None, "lon": None, "method": "chosen",
         "confidence": 1.0, "options": [], "outside": False, "asked": 1, "settled": True}  # fmt: skip


@dataclass
class House:
    """Worker and actions over one database, and the shortest words for what a citizen does."""

    database: Database
    rulebook: Rulebook
    clock: Clock
    folder: Path
    dialogue: Dialogue
    rasa: FakeRasa
    channel: FakeChannel = field(default_factory=FakeChannel)
    platform: str = "zalo"
    options_before: list[dict[str, str]] = field(default_factory=list)
    last_text: str = ""

    @property
    def vault(self) -> Vault:
        return Vault(self.dialogue.context.config.data_keys)

    @property
    def converser(self) -> Converser:
        return Converser(self.database, self.rulebook, RasaClient([self.rasa.url], 5.0), self.vault, self.clock)

    def say(self, text: str = "", means: str = "", **values: Any) -> list[str]:
        """What a citizen writes or taps; returns what they are told."""
        if means:
            self.dialogue.means[mask(text).text] = means
        self.clock.advance(seconds=1)
        event = said(text, at=self.clock(), user=USER, **values)
        with transaction(self.database) as session:
            arrivals.accept(session, [replace(event, channel=self.platform)], self.clock(), self.vault)
        before = len(self.channel.sent)
        self.work()
        return self.channel.texts[before:]

    def work(self) -> None:
        deliverer = Deliverer(self.database, {self.platform: self.channel}, self.clock)
        while self.converser.step("w/t") or deliverer.step("w/s"):
            pass

    def again(self) -> list[str]:
        """The last turn is taken a second time, as after a crash before its end; what is told anew."""
        before = len(self.channel.sent)
        with transaction(self.database) as session:
            turn = session.scalars(select(Turn).order_by(Turn.id.desc())).first()
            assert turn is not None
            turn.status, turn.worker = "open", None
            session.execute(delete(Outbound).where(Outbound.key.startswith(f"turn:{turn.id}:")))
            turn.conversation.options = self.options_before
            for member in turn.members:
                member.text = self.last_text
        self.work()
        return self.channel.texts[before:]

    def tap(self, title: str) -> list[str]:
        """The button of that title among those shown last."""
        with reading(self.database) as session:
            self.options_before = list(session.scalars(select(Conversation.options)).one())
        self.last_text = next(option["token"] for option in self.options_before if option["title"] == title)
        return self.say(self.last_text)

    def file(self, text: str = "Rác chất đống trước cổng chợ") -> list[str]:
        """A report up to its receipt."""
        with transaction(self.database) as session:
            conversation = arrivals.get_conversation(session, self.platform, USER, self.clock())
            slots = {"description": text, "location": WHERE, "category": "waste", "requested_slot": "confirm"}
            began = (session.scalar(select(func.max(Turn.id))) or 0) + 1
            slots["draft"] = {"media": 0, "began": began}
            conversation.state = {"v": 1, "slots": slots, "loop": "report_form"}
        return self.say("gửi", "affirm")

    def buttons(self) -> list[str]:
        return [button.title for outgoing in self.channel.sent[-1:] for button in outgoing.buttons]

    def all(self, table: Any) -> list[Any]:
        with reading(self.database) as session:
            rows = list(session.scalars(select(table).order_by(table.id)))
            session.expunge_all()
        return rows

    def answers(self) -> list[tuple[str, bool | None, bool]]:
        return [(row.kind, row.given, row.withdrawn_at is not None) for row in self.all(Consent)]

    def words(self) -> list[str]:
        return [row.text for row in self.all(Inbound)]


@pytest.fixture
def house(database: Database, rulebook: Rulebook, clock: Clock, tmp_path: Path) -> Iterator[House]:
    with transaction(database) as session:
        add_units(session)
    dialogue = Dialogue(database, clock, tmp_path)
    rasa = FakeRasa(dialogue.answer)
    yield House(database, rulebook, clock, tmp_path, dialogue, rasa)
    rasa.close()


# Consents.


def test_after_the_code_one_question_with_two_equal_buttons_and_each_purpose_once_in_a_life(house: House) -> None:
    house.say(f"số tôi là {PHONE}", "thank")
    asked = []
    for _ in range(4):
        receipt, *question = house.file()
        assert "Mã hồ sơ" in receipt
        asked.append(question)
        assert not question or house.buttons() == ["Đồng ý", "Không"]
    assert [len(question) for question in asked] == [1, 1, 1, 0]
    assert "gọi vào số điện thoại" in asked[0][0] and "dạy trợ lý" in asked[1][0] and "nhận tin" in asked[2][0]
    assert house.answers() == [("contact", None, False), ("training", None, False), ("news", None, False)]
    assert len(house.all(Case)) == 4, "nobody answered, and nothing waited for it"


@pytest.mark.parametrize(
    ("word", "given"), [("Đồng ý", True), ("dong y", True), ("Không", False), ("khong", False), ("2", False)]
)
def test_the_answer_is_kept_with_its_version_and_time_however_it_is_given(house: House, word: str, given: bool) -> None:
    house.file()
    (told,) = house.say(word)
    assert ("không đồng ý" in told) is not given
    _, row = house.all(Consent)
    assert (row.kind, row.given, row.version, row.at) == ("training", given, VERSION, house.clock())
    assert house.all(Case)[0].status == "new"


def test_without_a_number_and_on_messenger_nobody_is_asked_about_calls(house: House) -> None:
    house.file()
    house.platform = house.channel.name = "messenger"  # type: ignore[misc]
    with transaction(house.database) as session:
        other = arrivals.get_conversation(session, "messenger", USER, house.clock())
        other.phone = house.vault.seal(PHONE)
        turns = [consents.next_question(session, other.id, turn, house.clock()) for turn in (900, 901, 902)]
    assert turns == [Purpose.TRAINING, Purpose.NEWS, None]
    assert "contact" not in {row.kind for row in house.all(Consent)}


def test_a_repeated_turn_asks_and_answers_once(house: House) -> None:
    house.file()
    first = house.tap("Đồng ý")
    assert house.again() == first
    assert house.answers() == [("training", None, False), ("training", True, False)]


@pytest.mark.parametrize("words", ["rút đồng ý", "rut dong y", "tôi rút lại sự đồng ý"])
def test_consent_is_withdrawn_at_once_and_its_history_stays(house: House, words: str) -> None:
    house.file()
    house.tap("Đồng ý")
    house.options_before, house.last_text = [], words
    told = house.say(words, "privacy_request")
    assert "dạy trợ lý" in told[0]
    assert house.answers() == [("training", None, False), ("training", True, True)]
    assert house.again() == told
    house.clock.advance(minutes=1)
    assert "không có điều nào" in house.say(words, "privacy_request")[0]


def test_the_database_itself_refuses_to_change_or_delete_a_consent(house: House) -> None:
    house.file()
    house.tap("Đồng ý")
    house.say("rút đồng ý", "privacy_request")
    for change in (
        update(Consent).values(given=False),
        update(Consent).values(version="x"),
        update(Consent).where(Consent.withdrawn_at.is_not(None)).values(withdrawn_at=None),
        delete(Consent),
    ):
        with pytest.raises(DBAPIError), transaction(house.database) as session:
            session.execute(change)


def test_only_words_of_citizens_who_agreed_teach_the_bot(house: House) -> None:
    house.file("Rác chất đống của anh Bình")
    with transaction(house.database) as session:
        case, officer = session.scalars(select(Case)).one(), add_officer(session, "o", KIM_LIEN)
        service.correct_category(session, house.rulebook, case, officer, "noise", house.clock())

    def taught() -> int:
        with reading(house.database) as session:
            return len(corrections.corrections(session))

    assert taught() == 0, "never answered"
    house.tap("Đồng ý")
    assert taught() == 1
    house.say("rút đồng ý", "privacy_request")
    assert taught() == 0


def test_the_wording_of_a_consent_changes_only_with_its_version() -> None:
    """Put the new digest here together with a new VERSION."""
    sentences = "".join(domain()["responses"][QUESTIONS[purpose]][0]["text"] for purpose in Purpose)
    digest = hashlib.sha256(sentences.encode()).hexdigest()[:12]
    assert (VERSION, digest) == ("2026-11-28", "088535e6b0a8")


# Data rights.


@pytest.mark.parametrize("words", ["xem dữ liệu của tôi", "xem du lieu cua toi", "bên em lưu gì về tôi"])
def test_what_is_held_is_told_in_short_with_a_link_to_all_of_it(house: House, words: str) -> None:
    house.say(f"số tôi là {PHONE}", "thank")
    house.file()
    house.tap("Đồng ý")
    (told,) = house.say(words, "privacy_request")
    code = house.all(Case)[0].code
    assert code in told and "có, được mã hóa" in told and "gọi điện khi cần hỏi thêm" in told
    assert PHONE not in told
    (button,) = house.channel.sent[-1].buttons
    assert button.is_link and house.buttons() == ["Xem toàn bộ"]
    token = button.payload.rpartition("/")[2]
    conversation = house.all(Conversation)[0].id
    assert personal.conversation_of(house.vault, token, house.clock()) == conversation
    assert personal.conversation_of(house.vault, token, house.clock() + timedelta(hours=24)) is None
    stolen = house.vault.seal(PHONE).decode()
    assert personal.conversation_of(house.vault, stolen, house.clock()) is None
    assert personal.conversation_of(Vault(["other"]), token, house.clock()) is None


def test_unclear_wishes_are_offered_the_choices(house: House) -> None:
    (told,) = house.say("dữ liệu cá nhân", "privacy_request")
    assert "/privacy" in told
    assert house.buttons() == ["Xem dữ liệu", "Sửa dữ liệu", "Xóa dữ liệu", "Rút đồng ý", "Gặp cán bộ"]
    assert "giữ về anh/chị" in house.tap("Xem dữ liệu")[0]


@pytest.mark.parametrize("words", ["xóa dữ liệu của tôi", "xoa du lieu cua toi"])
def test_erasing_needs_one_yes_then_takes_all_outside_cases_at_once(house: House, words: str) -> None:
    photo = {"type": "image", "url": "https://cdn.example/a.jpg"}
    house.say(f"Tôi là Khuất, số tôi {PHONE}", "thank")
    house.say("ảnh nhà tôi", "thank", attachments=(photo,))
    (row,) = house.all(Attachment)
    media = house.folder / "media"
    media.mkdir(exist_ok=True)
    with transaction(house.database) as session:
        session.get_one(Attachment, row.id).stored_name = "f" * 32
        session.get_one(Attachment, row.id).status = "stored"
    for name in ("f" * 32, "f" * 32 + ".thumb"):
        (media / name).write_bytes(b"x")
    asked = house.say(words, "privacy_request")
    assert "Anh/chị có chắc" in asked[0] and house.buttons() == ["Xóa", "Không xóa"]
    assert house.words()[0].startswith("Tôi là Khuất"), "nothing before the yes"
    (told,) = house.tap("Xóa")
    assert "đã xóa" in told
    (conversation,) = house.all(Conversation)
    assert (conversation.phone, conversation.phone_hash, conversation.held) == (None, None, None)
    assert house.words()[:3] == [personal.ERASED] * 3
    assert "Khuất" not in str([row.text for row in house.all(Outbound)])
    chores = Chores(house.database, house.rulebook, exporter(house), house.clock, media)
    while chores.step("w"):
        pass
    assert list(media.iterdir()) == []
    (row,) = house.all(Attachment)
    assert (row.stored_name, row.url, row.error) == (None, "", "erased")
    assert house.all(DataRequest) == [], "no case, so nothing is left to decide"
    assert house.again() == [told]


def exporter(house: House) -> Exporter:
    return Exporter(house.database, house.rulebook, house.vault, house.folder / "exports", house.clock)


def test_who_says_no_keeps_everything(house: House) -> None:
    house.say(f"số tôi {PHONE}")
    house.say("xóa dữ liệu của tôi", "privacy_request")
    house.tap("Không xóa")
    assert house.words()[0] == f"số tôi {PHONE}" and house.all(Conversation)[0].phone is not None


def test_words_of_a_case_stay_and_become_a_request_with_the_clock_of_the_law(house: House) -> None:
    house.say("hôm nay trời đẹp nhỉ")
    house.file("Rác chất đống trước nhà")
    house.tap("Đồng ý")
    house.say("xóa dữ liệu của tôi", "privacy_request")
    told = house.tap("Xóa")
    assert house.words()[:2] == [personal.ERASED, "gửi"]
    assert house.all(Case)[0].description == "Rác chất đống trước nhà"
    (request,) = house.all(DataRequest)
    assert (request.kind, request.about, request.done_at) == ("delete", "cases", None)
    assert request.due_at == datetime(2026, 12, 21, 16, 59, 59, tzinfo=UTC), "20 days, to the end of the day"
    assert request.answer_by.date() == datetime(2026, 12, 3, tzinfo=UTC).date(), "2 working days"
    assert "21/12/2026" in told[1]
    assert house.all(Conversation)[0].attention == "privacy_request"
    assert house.answers()[-1] == ("training", True, True)
    assert house.again() == told
    house.say("xóa dữ liệu của tôi", "privacy_request")
    house.tap("Xóa")
    assert len(house.all(DataRequest)) == 1, "the same wish while it is open is the same request"


def test_a_draft_that_is_erased_is_not_asked_about_again(house: House) -> None:
    with transaction(house.database) as session:
        conversation = arrivals.get_conversation(session, "zalo", USER, house.clock())
        slots = {"description": "Rác nhà tôi", "requested_slot": "location", "draft": {"media": 0, "began": 1}}
        conversation.state = {"v": 1, "slots": slots, "loop": "report_form"}
    house.say("xóa dữ liệu của tôi", "privacy_request")
    assert house.all(Conversation)[0].state["loop"] == "report_form"
    house.tap("Xóa")
    assert "Rác nhà tôi" not in str(house.all(Conversation)[0].state)


@pytest.mark.parametrize("words", ["sửa dữ liệu của tôi", "sua du lieu cua toi"])
def test_correcting_asks_what_and_becomes_a_request(house: House, words: str) -> None:
    house.file()
    house.say(words, "privacy_request")
    assert house.buttons() == ["Nội dung hồ sơ", "Thông tin khác"], "no number is kept, so none is offered"
    told = house.tap("Nội dung hồ sơ")
    (request,) = house.all(DataRequest)
    assert (request.kind, request.about) == ("correct", "cases")
    assert request.due_at == datetime(2026, 12, 11, 16, 59, 59, tzinfo=UTC) and "11/12/2026" in told[0]
    assert house.again() == told and len(house.all(DataRequest)) == 1


def test_zalo_says_that_a_person_wants_to_be_forgotten(house: House) -> None:
    assert "Anh/chị có chắc" in house.say(kind="other", payload="user_withdraw")[0]


def test_the_link_shows_everything_to_a_person_and_nothing_to_a_preview(house: House) -> None:
    house.say(f"số tôi là {PHONE}", "thank")
    house.file("Rác <b>chất đống</b>")
    house.tap("Đồng ý")
    house.say("xem dữ liệu của tôi", "privacy_request")
    path = house.channel.sent[-1].buttons[0].payload.partition("/my-data/")[2]
    config = house.dialogue.context.config
    client = create_app(config, house.database, house.rulebook, house.clock).test_client()
    preview = client.get(f"/my-data/{path}")
    assert preview.status_code == 200 and preview.headers["Cache-Control"] == "no-store"
    assert PHONE not in preview.text and "chất đống" not in preview.text
    assert client.post(f"/my-data/{path}").status_code == 400, "without the button of the page"
    page = client.post(f"/my-data/{path}", data={"csrf_token": token_in(preview)}).text
    for held in (PHONE, "Rác &lt;b&gt;chất đống&lt;/b&gt;", house.all(Case)[0].code, "đồng ý lúc", VERSION, "gửi"):
        assert held in page
    secret = re.search(r"Từ bí mật để tra cứu: (\w.+)", house.channel.texts[1])
    assert secret and secret[1] not in page
    house.clock.advance(hours=25)
    for answer in (client.get(f"/my-data/{path}"), client.get("/my-data/abc")):
        assert answer.status_code == 404 and PHONE not in answer.text
