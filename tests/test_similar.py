"""Which reports are alike: the measure by pairs, and what of the store is offered to whom."""

from datetime import timedelta
from typing import Any

import pytest

from cases import similar
from cases.likeness import ELSEWHERE, OFFERED, SAME, SAME_SPOT, Report, place_likeness, score, street_in
from cases.model import Case
from cases.rulebook import Rulebook
from cases.service import Draft, open_case
from cases.workflow import Status
from core.db import Database, reading, transaction
from tests.support import DONG_DA, KIM_LIEN, LANG, NOW, add_conversation, add_units

ALLEY = "Ngõ 12 Chùa Bộc, phường Kim Liên"
GARBAGE = "Rác chất đống ba ngày nay không ai dọn"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((GARBAGE, ALLEY), ("rac chat dong 3 ngay nay ko ai don", "ngo 12 chua boc dong da")),
        ((GARBAGE, ALLEY), ("Đống rác to bốc mùi trong ngõ, rác chất đống", "số 5 ngõ 12 Chùa Bộc")),
        (("Đèn đường cháy bóng tối om", "phố Láng Hạ"), ("den duong hong, toi om ca doan", "Lang Ha")),
        (("Mất nước từ chiều qua", "ngõ 210 Hoàng Quốc Việt"), ("Nhà tôi mất nước ở ngõ 210 Hoàng Quốc Việt", "")),
        (("Cống tắc nước đọng", "nhà văn hoá tổ 7"), ("cong tac, nuoc dong hoi tham", "Nha van hoa to 7")),
        (("cot den nha van hoa to 7 nghieng", "to 7"), ("Cột đèn trước nhà văn hoá tổ 7 nghiêng sắp đổ", "")),
        (
            ("Đống rác cháy dở ở bãi đất sau trường cấp 2 mấy hôm rồi", "2 xã Phù Đổng"),
            ("Rác cháy dở ở bãi đất sau trường cấp 2 khói nghi ngút", ""),
        ),
    ],
)
def test_the_same_matter_in_other_words_is_offered(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert score(Report(*one), Report(*other)) == score(Report(*other), Report(*one)) >= OFFERED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((GARBAGE, ALLEY), (GARBAGE, "Ngõ 15 Chùa Bộc")),
        ((GARBAGE, ALLEY), (GARBAGE, "Ngõ 12 Phạm Ngọc Thạch")),
        (("Đèn đường hỏng", "đường Láng"), ("Đèn đường hỏng", "Láng Hạ")),
        (("Ổ gà to giữa đường", "Chùa Bộc"), ("Vỉa hè lát gạch vỡ nát", "Chùa Bộc")),
        (("Cống tắc", "tổ 7"), ("Cống tắc", "tổ 9 Trần Hữu Dực")),
        (("Cống tắc nước đọng ở tổ 7", ""), ("Cống tắc nước đọng ở tổ 9", "")),
        (
            ("Kính gửi cơ quan chức năng xem xét xử lý giúp việc cống tắc", ""),
            ("Kính gửi cơ quan chức năng xem xét xử lý giúp việc rác bẩn", ""),
        ),
    ],
)
def test_another_place_or_another_matter_is_not(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert score(Report(*one), Report(*other)) < OFFERED


def test_pins_tell_places_apart_and_together() -> None:
    here = Report(GARBAGE, "Vị trí ghim 21.00700, 105.83400", 21.007, 105.834)
    near, next_street = Report(GARBAGE, "", 21.0071, 105.834), Report(GARBAGE, "", 21.008, 105.834)
    far = Report(GARBAGE, "", 21.02, 105.834)
    assert place_likeness(here, near) == SAME_SPOT
    assert score(here, next_street) >= OFFERED
    assert place_likeness(here, far) == ELSEWHERE


def test_without_a_place_no_words_make_it_the_same() -> None:
    assert score(Report(GARBAGE), Report(GARBAGE)) < SAME


def test_another_house_of_the_street_is_near_but_not_the_same_spot() -> None:
    one, other = Report(GARBAGE, "số 5 Chùa Bộc"), Report(GARBAGE, "số 90 Chùa Bộc")
    assert ELSEWHERE < place_likeness(one, other) < SAME_SPOT


@pytest.mark.parametrize(
    ("address", "street"),
    [
        ("Số 5 ngõ 12 Chùa Bộc, phường Kim Liên", "Chùa Bộc"),
        ("55 Cổ Linh phường Long Biên", "Cổ Linh"),
        ("Vị trí ghim 21.00700, 105.83400", ""),
        ("", ""),
    ],
)
def test_of_an_address_only_the_street_is_shown(address: str, street: str) -> None:
    assert street_in(address) == street


class Store:
    """Cases of other people in two wards, and one citizen who is about to report."""

    def __init__(self, database: Database, rulebook: Rulebook) -> None:
        self.database, self.rulebook, self.filed = database, rulebook, 0
        with transaction(database) as session:
            add_units(session)
            self.me = add_conversation(session, "me").id

    def file(
        self, address: str = ALLEY, mine: bool = False, wishes: dict[str, Any] | None = None, **values: Any
    ) -> str:
        self.filed += 1
        at = values.pop("at", NOW - timedelta(days=2))
        with transaction(self.database) as session:
            who = self.me if mine else add_conversation(session, f"u{self.filed}").id
            chosen = {"category": "waste", "description": GARBAGE, "ward_id": KIM_LIEN, "area_id": DONG_DA, **values}
            draft = Draft(who, address=address, **chosen)
            return open_case(session, self.rulebook, draft, f"turn:{self.filed}:0", at, wishes).code

    def change(self, code: str, **values: Any) -> None:
        with transaction(self.database) as session:
            for name, value in values.items():
                setattr(session.query(Case).filter_by(code=code).one(), name, value)

    def matter(self, **values: Any) -> similar.Matter:
        report = Report(values.pop("description", "rac chat dong khong ai don"), values.pop("address", ALLEY))
        chosen = {"category": "waste", "ward_id": KIM_LIEN, "area_id": DONG_DA, **values}
        return similar.Matter(self.me, report=report, **chosen)

    def offered(self, **values: Any) -> str | None:
        with reading(self.database) as session:
            found = similar.joinable(session, self.rulebook.categories, self.matter(**values), NOW)
            return found.code if found else None

    def same(self, **values: Any) -> str | None:
        with reading(self.database) as session:
            found = similar.own_same(session, self.matter(**values), NOW)
            return found.code if found else None


@pytest.fixture
def store(database: Database, rulebook: Rulebook) -> Store:
    return Store(database, rulebook)


def test_the_most_alike_open_case_of_somebody_else_is_offered(store: Store) -> None:
    store.file("Ngõ 15 Chùa Bộc")
    right = store.file()
    store.file("Chùa Bộc", description="Túi rác chất đống vứt bừa")
    assert store.offered() == right


def test_a_case_known_by_its_old_district_alone_is_found_by_what_its_story_says(store: Store) -> None:
    code = store.file("", description=f"{GARBAGE} ở ngõ 12 Chùa Bộc", ward_id=None)
    assert store.offered() == code


@pytest.mark.parametrize(
    "values",
    [
        {"mine": True},
        {"ward_id": LANG},
        {"category": "drainage"},
        {"at": NOW - timedelta(days=31)},
        {"wishes": {"anonymous": True}},
        {"address": ""},
    ],
)
def test_what_is_ones_own_elsewhere_old_or_anonymous_is_not_offered(store: Store, values: dict[str, Any]) -> None:
    store.file(**values)
    assert store.offered() is None


def test_a_likely_category_counts_as_well_and_one_that_may_not_be_joined_never(store: Store) -> None:
    code = store.file(category="pollution")
    store.file(category="public_security")
    assert store.offered() is None
    assert store.offered(likely=("pollution", "public_security")) == code
    assert store.offered(category="public_security", likely=("pollution",)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.RESOLVED},
        {"status": Status.MERGED},
        {"about_unit_id": KIM_LIEN},
        {"about_officer_id": 1},
        {"duplicate_of_id": 99},
    ],
)
def test_a_case_that_ended_or_is_masked_is_not_offered(store: Store, change: dict[str, Any]) -> None:
    code = store.file()
    assert store.offered() == code
    store.change(code, **change)
    assert store.offered() is None


@pytest.mark.parametrize("category", ["public_service", "social_welfare", "public_security", "noise", "other"])
def test_a_matter_about_a_person_is_never_offered(store: Store, category: str) -> None:
    store.file(category=category)
    assert store.offered(category=category) is None


def test_every_category_that_may_be_joined_may_be_shown_in_public(rulebook: Rulebook) -> None:
    joinable = [one for one in rulebook.categories.values() if one.joinable]
    assert len(joinable) >= 8
    assert all(one.public_summary and not one.sensitive for one in joinable)


def test_the_same_matter_sent_again_is_known_and_a_doubtful_one_is_not(store: Store) -> None:
    code = store.file(mine=True)
    assert store.same() == code
    assert store.same(address="Ngõ 15 Chùa Bộc") is None
    assert store.same(address="") is None
    assert store.same(description="Xe tải đổ phế thải xây dựng xuống cống") is None
    assert store.same(category="drainage") is None
    assert store.same(ward_id=LANG) is None
    store.change(code, status=Status.RESOLVED)
    assert store.same() is None


def test_another_citizens_case_is_never_ones_own(store: Store) -> None:
    store.file()
    assert store.same() is None


def test_the_matters_of_one_message_are_not_each_other(store: Store) -> None:
    store.file(mine=True)
    with reading(store.database) as session:
        assert similar.own_same(session, store.matter(), NOW, "turn:1:") is None


def test_only_so_many_are_compared_and_the_newest_are_among_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "MOST_COMPARED", 3)
    store.file()
    for number in range(3):
        store.file(f"Ngõ {20 + number} Chùa Bộc", at=NOW - timedelta(hours=number))
    assert store.offered() is None
