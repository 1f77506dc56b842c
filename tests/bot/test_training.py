"""Lighter bookkeeping at training: what Rasa reads is what it read before."""

import unittest

from rasa.engine.training.hooks import TrainingHook
from rasa.shared.importers.importer import (
    CombinedDataImporter,
    E2EImporter,
    ResponsesSyncImporter,
    TrainingDataImporter,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.training import lighten

TOY = "tests/bot/toy"
TOUCHED = (
    *((importer, "get_nlu_data") for importer in (CombinedDataImporter, ResponsesSyncImporter, E2EImporter)),
    (Message, "__hash__"),
    (TrainingHook, "on_before_node"),
    (TrainingHook, "on_after_node"),
)


def read() -> TrainingData:
    importer = TrainingDataImporter.load_from_config("config.yml", f"{TOY}/domain.yml", [f"{TOY}/data"])
    importer.get_domain()
    return importer.get_nlu_data(language="vi")


class LighterTraining(unittest.TestCase):
    def setUp(self) -> None:
        self.before = read()
        for owner, name in TOUCHED:
            self.addCleanup(setattr, owner, name, getattr(owner, name))
        lighten()

    def test_the_same_examples_are_read(self) -> None:
        now = read()
        self.assertGreater(len(now.training_examples), 3)
        self.assertEqual(now.fingerprint(), self.before.fingerprint())

    def test_repeats_go_and_what_differs_stays(self) -> None:
        one, same = Message.build("rác đầu ngõ", "report"), Message.build("rác đầu ngõ", "report")
        other = Message.build("rác đầu ngõ", "inform")
        self.assertEqual(TrainingData([one, same, other]).training_examples, [one, other])

    def test_the_files_are_read_once_whatever_language_is_asked_for(self) -> None:
        importer = TrainingDataImporter.load_from_config("config.yml", f"{TOY}/domain.yml", [f"{TOY}/data"])
        self.assertIs(importer.get_nlu_data(), importer.get_nlu_data(language="vi"))
