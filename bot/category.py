"""The Rasa component that ranks what a report is about (`category`, `category_ranking`); named in config.yml.

It learns from the metadata of an intent block in data/nlu: `metadata: {category: waste}`. Reports without one are
openings ("tôi muốn phản ánh") and teach nothing here. It ranks every message; whether that means anything is up to the
intent.
"""

from typing import Optional, Text

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.training_data.message import Message

from bot.labelled import LabelledTextComponent, facts, first_of, named
from bot.linear import Ranking
from bot.normalise import without_denied

_ENOUGH = 3  # words left


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class CategoryClassifier(LabelledTextComponent):
    """Learns the category of each example that has one."""

    def said_of(self, text: Text) -> Text:
        """Without what is said not to be the matter: "không phải cống, là ống nước vỡ" is about the pipe."""
        said = super().said_of(text)
        rest = without_denied(said)
        return rest if len(rest.split()) >= _ENOUGH else said

    def label_of(self, message: Message) -> Optional[Text]:
        return facts(message).get("category")

    def write(self, message: Message, ranking: Ranking) -> None:
        message.set("category", first_of(ranking), add_to_output=True)
        message.set("category_ranking", named(ranking), add_to_output=True)
