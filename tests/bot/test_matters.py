"""One message, one matter or several: where it is cut, and when a cut is none."""

import unittest

from bot.matters import complaint_beside, complaint_in, matters_of, parts_of, question_beside

KINDS: dict[str, tuple[str, float]] = {
    "rác": ("waste", 0.9),
    "đèn": ("power_lighting", 0.7),
    "nước": ("water_supply", 0.6),
}


def read(text: str) -> tuple[str, tuple[tuple[str, float], ...]]:
    return next((("report", (kind,)) for word, kind in KINDS.items() if word in text), ("inform", ()))


class MattersTest(unittest.TestCase):
    def test_words_that_join_begin_a_second_matter(self) -> None:
        for text in (
            "Rác, rác chất đống ở ngõ 12, ngoài ra đèn đường cũng hỏng",
            "1. rác chất đống đầu ngõ\n2. đèn đường hỏng mấy hôm",
            "rác ngập cả ngõ rồi, với lại đèn đường tắt ngóm",
            "ngõ tôi rác ngập rồi. Còn một việc nữa là đèn đường hỏng",
        ):
            with self.subTest(text):
                found = [matter.ranking[0][0] for matter in matters_of(text, read)]
                self.assertEqual(found, ["waste", "power_lighting"])

    def test_praise_may_go_on_to_a_matter(self) -> None:
        self.assertTrue(complaint_beside("Tôi khen anh công an, nhưng rác ở ngõ 12 chất đống cả tuần", read))
        self.assertTrue(complaint_beside("Mọi người tốt cả. Có điều đèn đường hỏng mấy hôm nay rồi", read))
        for text in (
            "rác dọn nhanh, nhưng tôi vẫn cảm ơn lần nữa nhé cô",
            "khen nhưng rác",
            "rác sạch quá, khen cả tổ",
        ):
            self.assertFalse(complaint_beside(text, read), text)

    def test_a_question_beside_a_matter_is_told_apart_from_it(self) -> None:
        def reads(text: str) -> "tuple[str, tuple[tuple[str, float], ...]]":
            return ("faq_birth_registration", ()) if "khai sinh" in text else read(text)

        for text in (
            "cho hỏi khai sinh ở đâu ạ? tiện thể rác chất đống đầu ngõ cả tuần",
            "rác chất đống đầu ngõ cả tuần. Nhân tiện cho hỏi khai sinh cần những gì",
        ):
            with self.subTest(text):
                topic, rest = question_beside(text, reads)
                self.assertEqual((topic, complaint_in(rest, reads)[0][0]), ("faq_birth_registration", "waste"))
                self.assertNotIn("khai sinh", rest)
        for text in ("cho hỏi khai sinh ở đâu ạ?", "rác chất đống, ngoài ra đèn đường cũng hỏng"):
            self.assertEqual(question_beside(text, reads), ("", ""))
        self.assertEqual(complaint_in("cảm ơn em nhiều lắm nhé", reads), ())

    def test_what_is_listed_or_said_to_be_two_is_cut_and_a_mere_besides_is_not(self) -> None:
        listed = "Ở ngõ 12: thứ nhất rác chất đống cả tuần; thứ nhì có đèn đường hỏng"
        both = "rác chất đống đầu ngõ, chưa kể đèn đường tắt ngóm, ghi hộ cả hai"
        for text in (listed, both):
            with self.subTest(text):
                found = [matter.ranking[0][0] for matter in matters_of(text, read)]
                self.assertEqual(found, ["waste", "power_lighting"])
        self.assertEqual(matters_of("rác chất đống đầu ngõ, chưa kể đèn đường tắt ngóm", read), [])
        self.assertEqual(len(parts_of("Hôm thứ hai có rác, thứ nhất là mùi")), 1)

    def test_the_end_of_a_sentence_alone_makes_no_second_matter(self) -> None:
        self.assertEqual(matters_of("rác chất đống đầu ngõ. đèn đường cũng hỏng lâu rồi", read), [])

    def test_what_leads_in_belongs_to_the_first_matter(self) -> None:
        for text in (
            "Tôi báo hai việc ở Yên Hòa. Thứ nhất, rác chất đống cả tuần. Thứ hai, đèn đường hỏng mấy hôm",
            "Đoạn nhà tôi 2 chuyện: một là rác chất đống cả tuần, hai là đèn đường hỏng mấy hôm",
            "báo 2 việc: rác chất đống đầu ngõ, và đèn đường hỏng mấy hôm",
        ):
            with self.subTest(text):
                found = matters_of(text, read)
                self.assertEqual([matter.ranking[0][0] for matter in found], ["waste", "power_lighting"])

    def test_the_same_kind_twice_is_one_matter(self) -> None:
        self.assertEqual(matters_of("rác chất đống ngõ 5, ngoài ra rác ở ngõ 9 nữa", read), [])

    def test_a_name_with_a_dash_and_a_day_of_the_week_are_no_two_matters(self) -> None:
        for text in (
            "Ở phường Văn Miếu - Quốc Tử Giám có mấy thanh niên tụ tập",
            "Xe cứu thương đứng im mười phút hôm thứ ba, tôi đứng cạnh mà bất lực",
        ):
            self.assertEqual(parts_of(text), [text])

    def test_numbers_in_brackets_count_matters(self) -> None:
        self.assertEqual(
            parts_of("Ở bãi giữa: (1) rác trôi dạt; (2) thanh niên đua xe"),
            ["Ở bãi giữa: (1) rác trôi dạt", "(2) thanh niên đua xe"],
        )

    def test_words_of_no_kind_stay_with_what_they_follow(self) -> None:
        text = "rác chất đống đầu ngõ. Tôi gọi mãi không ai nghe. Ngoài ra đèn đường tắt cả tuần"
        found = matters_of(text, read)
        self.assertEqual(len(found), 2)
        self.assertIn("gọi mãi", found[0].text)

    def test_nothing_of_the_message_is_lost(self) -> None:
        text = "Cống tắc; nhà ngập, thêm một việc nữa là 3. đèn hỏng!"
        kept = " ".join(parts_of(text))
        self.assertTrue(all(word.strip(" ,;!.") in kept for word in text.split()))


if __name__ == "__main__":
    unittest.main()
