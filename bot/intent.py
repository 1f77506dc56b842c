"""The Rasa component that tells what a message wants (`intent`, `intent_ranking`); named in config.yml."""

from typing import Optional, Text

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.training_data.message import Message

from bot.labelled import LabelledTextComponent, first_of, named
from bot.linear import Ranking

_RANKING_LENGTH = 10


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TextIntentClassifier(LabelledTextComponent, IntentClassifier):
    """Learns the intent of each example."""

    def label_of(self, message: Message) -> Optional[Text]:
        return message.get("intent")

    def write(self, message: Message, ranking: Ranking) -> None:
        message.set("intent", first_of(ranking), add_to_output=True)
        message.set("intent_ranking", named(ranking[:_RANKING_LENGTH]), add_to_output=True)
