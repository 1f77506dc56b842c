"""The Rasa component that tells what a message wants (`intent`, `intent_ranking`); named in config.yml.

It learns reports by category ("report/waste"), because people's reports have little else in common, and adds them up
again. Intents that must not be missed have a threshold of their own (`gates`): danger, and petitions that the law keeps
out of the ordinary queue. Such an intent comes first as soon as its probability reaches it; whoever acts on it sees by
the confidence whether to ask first.
"""

from typing import Any, Dict, List, Optional, Text, Tuple

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.training_data.message import Message

from bot.labelled import LabelledTextComponent, facts, first_of, named
from bot.linear import Ranking

_RANKING_LENGTH = 10


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TextIntentClassifier(LabelledTextComponent, IntentClassifier):
    """Learns the intent of each example."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """`gates`: by intent, the probability from which it comes first, in the order in which they are asked."""
        return {**LabelledTextComponent.get_default_config(), "gates": {}}

    def label_of(self, message: Message) -> Optional[Text]:
        intent, category = message.get("intent"), facts(message).get("category")
        return f"{intent}/{category}" if intent and category else intent

    def write(self, message: Message, ranking: Ranking) -> None:
        intents = gated(summed(ranking), self._config["gates"])
        message.set("intent", first_of(intents), add_to_output=True)
        message.set("intent_ranking", named(intents[:_RANKING_LENGTH]), add_to_output=True)


def summed(ranking: Ranking) -> Ranking:
    """Intents in the order of their best label, each with the sum of the probabilities of its labels."""
    chances: Dict[Text, float] = {}
    for label, chance in ranking:
        intent = label.partition("/")[0]
        chances[intent] = chances.get(intent, 0.0) + chance
    return list(chances.items())


def gated(ranking: Ranking, gates: Dict[Text, float]) -> Ranking:
    """The ranking with the first intent that reaches its gate in front."""
    chances: Dict[Text, float] = dict(ranking)
    for intent, threshold in gates.items():
        if chances.get(intent, 0.0) >= threshold:
            rest: List[Tuple[Text, float]] = [pair for pair in ranking if pair[0] != intent]
            return [(intent, chances[intent]), *rest]
    return ranking
