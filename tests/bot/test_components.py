"""The parts of understanding one by one: case codes, tokens, the linear model."""

import random
import tempfile
import time
import unittest
from pathlib import Path

from rasa.shared.nlu.training_data.message import Message

from bot.entities import case_codes
from bot.linear import Example, LinearModel
from bot.tokenizer import VietnameseTokenizer
from bot.train import fingerprint

CODE = "PA-482-913-776"
ODD = [
    "",
    " ",
    "\x00",
    "😀😀",
    "مرحبا",
    "\u202eabc",
    "\ud83d",
    "e\u0301\u0323",
    "\n\t",
    "...",
    "<b>á</b>",
    "á " * 5_000,
    "a" * 5_000,
]


class CaseCodes(unittest.TestCase):
    def test_a_code_is_found_however_it_is_written(self) -> None:
        for text in (
            "PA-482-913-776",
            "pa 482913776",
            "PA482 913 776",
            "cho hỏi hồ sơ PA482913776 đến đâu rồi",
            "pa-482 913-776 ạ",
            "P.A 482.913.776",
            "pa: 482913776",
            "PA – 482 – 913 – 776",
            "mã 482-913-776",
            "ma so 482913776",
            "mã hồ sơ 482 913 776",
            "mã phản ánh là 482913776",
            "hồ sơ 482913776 sao rồi em",
            "ho so 482913776",
            "Mã số: 482913776",
            "482913776",
            " 482-913-776. ",
            "482 913 776 ạ",
            "dạ 482913776",
            "PA-482-913-776.",
            "(PA-482-913-776)",
        ):
            with self.subTest(text):
                self.assertEqual([value for _, _, value in case_codes(text)], [CODE])

    def test_other_numbers_are_no_codes(self) -> None:
        for text in (
            "0912345678",
            "mã 0912345678",
            "pa 4829137761",
            "gọi em số 912345678 nhé chị ơi",
            "PA-482-913",
            "ở spa 482913776 nhé",
            "nhà tôi ở số 482913776 đường Láng",
            "",
            "PA",
            "papa482913776",
            "căn cước 001482913776",
        ):
            with self.subTest(text):
                self.assertEqual(list(case_codes(text)), [])

    def test_two_codes_are_two_and_the_place_is_where_it_was_written(self) -> None:
        text = "em hỏi PA-482-913-776 và pa 111222333"
        found = list(case_codes(text))
        self.assertEqual([value for _, _, value in found], [CODE, "PA-111-222-333"])
        self.assertEqual([text[start:end] for start, end, _ in found], ["PA-482-913-776", "pa 111222333"])

    def test_long_nonsense_takes_no_time(self) -> None:
        began = time.monotonic()
        for text in (
            " " * 300_000,
            "1 " * 150_000,
            "mã " * 100_000,
            "pa-" * 100_000,
            "p" * 300_000,
            "a!" * 150_000,
            "-" * 300_000,
        ):
            self.assertEqual(list(case_codes(text)), [])
        self.assertLess(time.monotonic() - began, 3)


class Tokens(unittest.TestCase):
    def setUp(self) -> None:
        self.tokenizer = VietnameseTokenizer(VietnameseTokenizer.get_default_config())

    def tokens(self, text: str) -> "list[str]":
        found = self.tokenizer.tokenize(Message({"text": text}), "text")
        for token in found:
            self.assertEqual(text[token.start : token.end], token.text)
        return [token.text for token in found]

    def test_accented_words_are_joined_and_plain_ones_split(self) -> None:
        self.assertIn("đề nghị", self.tokens("đề nghị phường xử lý"))
        self.assertEqual(self.tokens("de nghi phuong, xu ly"), ["de", "nghi", "phuong", ",", "xu", "ly"])

    def test_odd_text_never_breaks_it(self) -> None:
        for text in ODD:
            with self.subTest(text[:8].encode("utf-8", "replace")):
                self.tokens(text)


class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        dice = random.Random(3)
        topics = {
            "waste": "rác thải chất đống bốc mùi hôi thùng rác không thu gom".split(),
            "noise": "karaoke ồn ào loa kéo cả đêm hát hò không ngủ".split(),
            "drainage": "ngập nước cống tắc mưa lớn hố ga tràn lên đường".split(),
        }
        pairs = [(" ".join(dice.sample(words, 5)), label) for label, words in topics.items() for _ in range(250)]
        cls.model = LinearModel.train([Example(text, label, "test") for text, label in pairs], 1.0)

    def test_text_is_understood_with_and_without_accents(self) -> None:
        for text, label in (
            ("Rác thải hôi quá", "waste"),
            ("rac thai hoi qua", "waste"),
            ("LOA KÉO ồnnnn", "noise"),
            ("ngap nuoc", "drainage"),
        ):
            with self.subTest(text):
                self.assertEqual(self.model.rank(text)[0][0], label)

    def test_chances_are_ranked_and_add_up(self) -> None:
        ranking = self.model.rank("rác và loa kéo")
        self.assertEqual({label for label, _ in ranking}, {"waste", "noise", "drainage"})
        self.assertAlmostEqual(sum(chance for _, chance in ranking), 1, places=4)
        self.assertEqual(ranking, sorted(ranking, key=lambda one: -one[1]))

    def test_a_saved_model_answers_the_same(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.model.save(Path(folder))
            loaded = LinearModel.load(Path(folder))
        for text in ("rác thải hôi quá", "xin chào", "cong tac"):
            for (label, chance), (same, close) in zip(self.model.rank(text), loaded.rank(text), strict=True):
                self.assertEqual(label, same)
                self.assertAlmostEqual(chance, close, places=2)

    def test_odd_text_never_breaks_it_and_nothing_gives_nothing(self) -> None:
        for text in ODD:
            self.model.rank(text)
        for text in ("", "  ", "...", "😀"):
            self.assertEqual(self.model.rank(text), [])

    def test_one_label_or_none_still_trains(self) -> None:
        self.assertEqual(
            LinearModel.train([Example("xin chào", "greet", "test")], 1.0).rank("xin chào"), [("greet", 1.0)]
        )
        self.assertEqual(LinearModel.train([], 1.0).rank("xin chào"), [])


class Training(unittest.TestCase):
    def test_a_changed_word_or_a_new_file_asks_for_a_new_model(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "nlu.yml"
            data.write_text("- rác", encoding="utf-8")
            first = fingerprint([folder])
            self.assertEqual(first, fingerprint([folder]))
            data.write_text("- rac", encoding="utf-8")
            second = fingerprint([folder])
            (Path(folder) / "more.yml").write_text("", encoding="utf-8")
            self.assertEqual(len({first, second, fingerprint([folder])}), 3)


if __name__ == "__main__":
    unittest.main()
