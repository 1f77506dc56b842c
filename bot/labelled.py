"""What `bot.intent` and `bot.category` share: a Rasa component around one LinearModel, kept in Rasa's model storage."""

from typing import Any, Dict, List, Optional, Text, Tuple

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.linear import LinearModel, Ranking


class LabelledTextComponent(GraphComponent):
    """Learns one label per example and writes a ranking on each message; subclasses say which label and where."""

    def __init__(self, storage: ModelStorage, resource: Resource, model: Optional[LinearModel] = None) -> None:
        self._storage = storage
        self._resource = resource
        self._model = model

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
        return cls(model_storage, resource)

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
            return cls(model_storage, resource, LinearModel.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        """Fits the model on every example that has a label and writes it to the storage."""
        pairs = [pair for pair in map(self._example, training_data.intent_examples) if pair]
        self._model = LinearModel.train([text for text, _ in pairs], [label for _, label in pairs])
        with self._storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        """Adds the ranking to each message."""
        for message in messages:
            text = message.get("text") or ""
            self.write(message, self._model.rank(text) if self._model else [])
        return messages

    def _example(self, message: Message) -> Optional[Tuple[Text, Text]]:
        text, label = message.get("text"), self.label_of(message)
        return (text, label) if text and label else None

    def label_of(self, message: Message) -> Optional[Text]:
        """The label a training example teaches, if any."""
        raise NotImplementedError

    def write(self, message: Message, ranking: Ranking) -> None:
        """Sets the result on the message; the ranking is empty when the text has nothing to go by."""
        raise NotImplementedError


def named(ranking: Ranking) -> List[Dict[Text, Any]]:
    """The ranking in the shape Rasa uses for intents."""
    return [{"name": label, "confidence": confidence} for label, confidence in ranking]


def first_of(ranking: Ranking) -> Dict[Text, Any]:
    """The likeliest label, or no name with confidence 0."""
    return named(ranking[:1])[0] if ranking else {"name": None, "confidence": 0.0}
