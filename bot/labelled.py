"""What `bot.intent` and `bot.category` share: a Rasa component around one LinearModel, kept in Rasa's model storage."""

from pathlib import Path
from typing import AbstractSet, Any, Dict, List, Optional, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.entities import without_codes
from bot.lexicon import HAND, read_terms, sentences
from bot.linear import Example, LinearModel, Ranking


class LabelledTextComponent(GraphComponent):
    """Learns one label per example and writes a ranking on each message; subclasses say which label and where."""

    def __init__(
        self, config: Dict[Text, Any], storage: ModelStorage, resource: Resource, model: Optional[LinearModel] = None
    ) -> None:
        self._config = config
        self._storage = storage
        self._resource = resource
        self._model = model

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """`strictness`: the C of the support vector machine; `noisy_copies`: noisy forms learnt of each example."""
        return {"strictness": 1.0, "noisy_copies": 1, "lexicon": "data/lexicon"}

    @staticmethod
    def required_packages() -> List[Text]:
        return ["sklearn"]

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "LabelledTextComponent":
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "LabelledTextComponent":
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, LinearModel.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        """Fits the model on every example that has a label and writes it to the storage."""
        found = [example for example in map(self._example, training_data.intent_examples) if example]
        known = {example.label for example in found}
        for text, concept in sentences(read_terms(Path(self._config["lexicon"]))):
            label = self.label_of_concept(concept, known)
            if label:
                found.append(Example(text, label, HAND))
        self._model = LinearModel.train(found, self._config["strictness"], self._config["noisy_copies"])
        with self._storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        """Adds the ranking to each message."""
        for message in messages:
            text = self.said_of(message.get("text") or "")
            self.write(message, self._model.rank(text) if self._model else [])
        return messages

    def said_of(self, text: Text) -> Text:
        """What of a message is ranked."""
        return without_codes(text)

    def _example(self, message: Message) -> Optional[Example]:
        text, label = message.get("text"), self.label_of(message)
        return Example(without_codes(text), label, str(facts(message).get("hand"))) if text and label else None

    def label_of(self, message: Message) -> Optional[Text]:
        """The label a training example teaches, if any."""
        raise NotImplementedError

    def label_of_concept(self, concept: Text, known: AbstractSet[Text]) -> Optional[Text]:
        """The label among the `known` ones that a file of the lexicon teaches, if any."""
        return concept if concept in known else None

    def write(self, message: Message, ranking: Ranking) -> None:
        """Sets the result on the message; the ranking is empty when the text has nothing to go by."""
        raise NotImplementedError


def facts(message: Message) -> Dict[Text, Any]:
    """The metadata of the intent block an example stands in: its category and the hand that wrote it."""
    return (message.get("metadata") or {}).get("intent") or {}


def named(ranking: Ranking) -> List[Dict[Text, Any]]:
    """The ranking in the shape Rasa uses for intents."""
    return [{"name": label, "confidence": confidence} for label, confidence in ranking]


def first_of(ranking: Ranking) -> Dict[Text, Any]:
    """The likeliest label, or no name with confidence 0."""
    return named(ranking[:1])[0] if ranking else {"name": None, "confidence": 0.0}
