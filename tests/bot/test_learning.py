"""How the bot learns: noise is repeatable, the lexicon teaches, gates speak, a worse model is noticed."""

import tempfile
import time
import unittest
from pathlib import Path

from bench.guard import worsened
from bot.augment import variants
from bot.intent import GATED, best_of, gated
from bot.lexicon import read_terms, sentences
from bot.linear import Example, LinearModel
from bot.normalise import strip_accents

EXAMPLES = [
    Example(text, label, hand)
    for hand, texts in {
        "a": {"waste": "rác chất đống đầu ngõ", "noise": "loa kẹo kéo ầm ĩ cả đêm", "water": "mất nước từ sáng"},
        "b": {"waste": "xe thu gom bỏ sót rác", "noise": "karaoke quá ồn", "water": "nước máy vàng đục"},
    }.items()
    for label, text in texts.items()
]


class NoiseTest(unittest.TestCase):
    def test_the_same_text_gets_the_same_noise_with_its_clean_and_bare_form_first(self) -> None:
        text = "Nước thải chảy tràn ra ngõ 12"
        self.assertEqual(variants(text, 3), variants(text, 3))
        self.assertEqual(variants(text, 3)[:2], [text, strip_accents(text)])
        self.assertEqual(len(variants(text, 3)), 5)
        self.assertNotEqual(variants(text, 3, seed=1)[2:], variants(text, 3, seed=2)[2:])


class LexiconTest(unittest.TestCase):
    def test_every_term_is_said_once_under_its_label_and_always_in_the_same_sentences(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            content = "label: waste\nobjects:\n- thùng rác\n- bô rác\nverbs:\n- đổ trộm\n"
            (Path(folder) / "waste.yml").write_text(content, encoding="utf-8")
            terms = read_terms(Path(folder))
        self.assertEqual(terms, {"waste": ["thùng rác", "bô rác", "đổ trộm"]})
        made = list(sentences(terms))
        self.assertEqual(made, list(sentences(terms)))
        self.assertEqual({label for _, label in made}, {"waste"})
        self.assertEqual(sorted(" ".join(text for text, _ in made).split()), sorted("thùng rác bô rác đổ trộm".split()))

    def test_no_folder_is_an_empty_lexicon(self) -> None:
        self.assertEqual(read_terms(Path("/không/có")), {})


class ModelTest(unittest.TestCase):
    def test_what_was_learnt_survives_saving_and_reads_marks_and_none_alike(self) -> None:
        model = LinearModel.train(EXAMPLES, 1.0)
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder))
            again = LinearModel.load(Path(folder))
        for text in ("rác đầu ngõ", "rac dau ngo", "rasc ddaafu ngox"):
            self.assertEqual(again.rank(text)[0][0], "waste", text)
            self.assertAlmostEqual(sum(chance for _, chance in again.rank(text)), 1.0, places=5)

    def test_garbage_is_cheap_and_says_nothing_or_little(self) -> None:
        model = LinearModel.train(EXAMPLES, 1.0)
        for text in (
            "",
            "😢" * 5000,
            "\u200b" * 100_000,
            "\u202e\u200f",
            "a\u0301" * 50_000,
            "x" * 1_000_000,
            "\ud800 rác",
        ):
            start = time.perf_counter()
            ranking = model.rank(text)
            self.assertLess(time.perf_counter() - start, 0.1, text[:5])
            self.assertTrue(all(0 <= chance <= 1 for _, chance in ranking))


RANKING = [("report/waste", 0.5), ("report/noise", 0.3), ("thank", 0.15), ("emergency", 0.05)]


class GateTest(unittest.TestCase):
    def test_the_likeliest_label_speaks_for_its_intent(self) -> None:
        found = dict(best_of(RANKING))
        self.assertEqual(list(found), ["report", "thank", "emergency"])
        self.assertAlmostEqual(sum(found.values()), 1.0)
        self.assertAlmostEqual(found["report"], 0.5 / 0.7)

    def test_an_intent_comes_first_from_its_gate_on_clear_of_the_fallback(self) -> None:
        ranking = best_of(RANKING)
        self.assertEqual(gated(ranking, {"emergency": 0.2}), ranking)
        vague = [("report", 0.2), ("emergency", 0.05), *((f"faq_{n}", 0.075) for n in range(10))]
        self.assertEqual(gated(vague, {"emergency": 0.12})[0][0], "report")
        self.assertEqual(gated([("report", 0.16), *vague[1:]], {"emergency": 0.12})[0][0], "emergency")
        first, *rest = gated(ranking, {"emergency": 0.05})
        self.assertEqual(first, ("emergency", GATED))
        self.assertAlmostEqual(sum(chance for _, chance in rest), 1 - GATED)
        self.assertGreater(first[1] - rest[0][1], 0.05)

    def test_a_sure_one_keeps_its_confidence(self) -> None:
        self.assertEqual(gated([("emergency", 0.9), ("report", 0.1)], {"emergency": 0.05})[0], ("emergency", 0.9))


class GuardTest(unittest.TestCase):
    def test_more_than_a_point_worse_is_noticed_also_where_lower_is_better(self) -> None:
        before = {"nlu.intent_accuracy": 0.92, "nlu.emergency_recall": 0.97, "nlu.emergency_false_alarms": 0.02}
        self.assertEqual(worsened(before, before), [])
        self.assertEqual(worsened({}, before), [])
        self.assertEqual(worsened(before, {**before, "nlu.intent_accuracy": 0.915}), [])
        self.assertEqual(
            [n for n, *_ in worsened(before, {**before, "nlu.intent_accuracy": 0.90})], ["nlu.intent_accuracy"]
        )
        worse = {**before, "nlu.emergency_false_alarms": 0.04}
        self.assertEqual([n for n, *_ in worsened(before, worse)], ["nlu.emergency_false_alarms"])


if __name__ == "__main__":
    unittest.main()
