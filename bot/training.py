"""One training by Rasa, in a process of its own; started by `bot.train`.

With tens of thousands of examples Rasa spends more time on reading and comparing them than our components on learning:
it reads every file three times, digests every example with JSON and MD5 whenever two lists are joined, and digests all
of them after each step for a cache that `bot.train` has switched off. `lighten` removes that; the model is the same.
"""

import functools
import sys
from typing import Any, Dict, Sequence, Text

from rasa.engine.training.hooks import TrainingHook
from rasa.model_training import train
from rasa.shared.importers.importer import CombinedDataImporter, E2EImporter, ResponsesSyncImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.server import settle


def main(arguments: Sequence[Text]) -> int:
    """Arguments: domain, config, folder for the model, its name, then files or folders of training data."""
    domain, config, output, name, *data = arguments
    settle()
    lighten()
    result = train(domain, config, data, output, force_training=True, fixed_model_name=name)
    return result.code or (0 if result.model else 1)


def lighten() -> None:
    """Rasa's bookkeeping of training data without its repetitions; only for a process that trains and ends."""
    for importer in (CombinedDataImporter, ResponsesSyncImporter, E2EImporter):
        importer.get_nlu_data = _whatever_language(importer.get_nlu_data)
    Message.__hash__ = hash_of_text
    TrainingHook.on_before_node = _nothing_to_remember
    TrainingHook.on_after_node = _nothing


def hash_of_text(message: Message) -> int:
    """Equal messages have equal texts: enough for a hash, and equality itself stays Rasa's."""
    return hash((message.get("text"), message.get("intent")))


def _whatever_language(read: Any) -> Any:
    """Rasa remembers what it read by arguments, and asks for the same files once without a language and twice with."""

    @functools.wraps(read)
    def get_nlu_data(self: Any, language: Text = "") -> TrainingData:
        return read(self)

    return get_nlu_data


def _nothing_to_remember(self: TrainingHook, *args: Any, **kwargs: Any) -> Dict[Text, Any]:
    return {}


def _nothing(self: TrainingHook, *args: Any, **kwargs: Any) -> None:
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
