"""What officers correct comes out as training lines without the people in them."""

import pytest
import yaml

from cases.corrections import Correction, as_rasa, without_identity


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Rác ở nhà bà Nguyễn Thị Hoa, gọi 0912345678", "Rác ở nhà bà, gọi"),
        ("anh Minh [rác] {x} số 12 ngõ 34", "anh x số 12 ngõ 34"),
        ("CCCD 001099012345 của tôi", "CCCD của tôi"),
        ("mã khách hàng 778899, mất nước", "mã khách hàng , mất nước"),
    ],
)
def test_names_and_numbers_are_left_out(text: str, left: str) -> None:
    assert without_identity(text) == left


def test_the_export_is_training_data_by_category() -> None:
    found = [Correction("loa to quá", "noise"), Correction("rác: chất đống", "waste"), Correction("karaoke", "noise")]
    blocks = yaml.safe_load(as_rasa(found))["nlu"]
    assert [(block["metadata"], block["examples"]) for block in blocks] == [
        ({"category": "noise", "hand": "officers"}, "- loa to quá\n- karaoke\n"),
        ({"category": "waste", "hand": "officers"}, "- rác: chất đống\n"),
    ]
