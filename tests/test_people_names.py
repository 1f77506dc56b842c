"""Names of people in a masked case, typed any way, are hidden; everyday words are read as they were written."""

import pytest

from cases.conflict import NAME, masked_description
from cases.model import Case

HIDDEN = [
    ("bà nguyễn thị tẹo đổ rác ra đường", f"bà {NAME} đổ rác ra đường"),
    ("ông khuất văn tèo ở tổ 5 đòi tiền", f"ông {NAME} ở tổ 5 đòi tiền"),
    ("tôi gặp chị quách thị bưởi tại phường", f"tôi gặp chị {NAME} tại phường"),
    ("anh lê tuấn nhận tiền của dân", f"anh {NAME} nhận tiền của dân"),
    ("chú đỗ bá tũn bảo thế", f"chú {NAME} bảo thế"),
    ("cô hồ tẹo không cấp giấy", f"cô {NAME} không cấp giấy"),
    ("bà tẹo bán hàng", f"bà {NAME} bán hàng"),
    ("chị lan hẹn mãi", f"chị {NAME} hẹn mãi"),
    ("anh tuan bao toi ve", f"anh {NAME} bao toi ve"),
    ("cụ trần sỹ kha đã trình báo", f"cụ {NAME} đã trình báo"),
    ("thầy vũ hữu thắng, cô lý thị mùi", f"thầy {NAME}, cô {NAME}"),
    ("phùng khắc tèo đòi tôi hai triệu", f"{NAME} đòi tôi hai triệu"),
]
GONE = [
    ("ba nguyen thi teo do rac ra duong", "teo"),
    ("ong pham tuan nhan tien cua dan", "tuan"),
    ("bà Nguyễn Thị Tẹo và ông nguyễn văn bờm", "bờm"),
    ("ÔNG NGUYỄN VĂN TÈO ĐÒI TIỀN", "TÈO"),
    ("tôi là nghiêm thị man ở ngõ 5", "man"),
]
LEFT = [
    "bà con trong ngõ rất bức xúc với cán bộ phường",
    "anh chị em ở tổ 5 kéo nhau ra phường",
    "cô giáo mắng học sinh, chú ý giúp tôi",
    "ông bà cao tuổi phải chờ cả buổi",
    "cán bộ bảo thiếu hồ sơ, không nói lý do",
    "anh đỗ xe chắn cửa, chị đào đường không rào",
    "em lưu ý giúp, thái độ của cán bộ rất kém",
    "chị hoa quả đầu ngõ lấn vỉa hè",
    "đường nguyễn trãi ngập, phố trần hưng đạo cũng thế",
    "chị thu tiền không đưa biên lai",
    "anh bảo vệ quát dân, chú công an không lập biên bản",
    "bác sĩ trạm y tế không có mặt",
    "em mong mai phường trả lời",
    "cán bộ đòi 2 triệu mới cấp giấy phép",
    "co ho so roi ma can bo khong nhan, ba con buc xuc",
    "anh do xe chan cua, chi dao duong khong rao",
    "can bo phuong nhan tien cua dan, co giao keu mai",
    "toi di cao toc ve, ba lan goi khong ai nghe",
    "siêu thị văn minh, đô thị văn hóa mà cán bộ làm khó",
    "trường chu văn an thu tiền sai quy định",
]


def masked(text: str) -> str:
    return masked_description(Case(description=text))


@pytest.mark.parametrize(("typed", "shown"), HIDDEN)
def test_a_name_is_hidden_and_what_stands_beside_it_is_left(typed: str, shown: str) -> None:
    assert masked(typed) == shown


@pytest.mark.parametrize(("typed", "name"), GONE)
def test_a_name_is_hidden_however_it_is_typed(typed: str, name: str) -> None:
    assert name not in masked(typed).split()


@pytest.mark.parametrize("typed", LEFT)
def test_everyday_words_are_left(typed: str) -> None:
    assert masked(typed) == typed
