"""The Rasa component that tells what a message wants (`intent`, `intent_ranking`); named in config.yml.

It learns reports by category ("report/waste"), because people's reports have little else in common; the likeliest one
speaks for all. Intents that must not be missed have a threshold of their own (`gates`): danger, and petitions that the
law keeps out of the ordinary queue. Such an intent comes first as soon as it reaches it, with at least the confidence
GATED: below 0.6 whoever acts on it asks first.
"""

import math
from typing import AbstractSet, Any, Dict, List, Optional, Text, Tuple

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.training_data.message import Message

from bot.labelled import LabelledTextComponent, facts, first_of, named
from bot.linear import Ranking

_RANKING_LENGTH = 10
GATED = 0.55  # clear of the fallback's threshold, and of its ambiguity threshold with 0.45 left for the rest


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TextIntentClassifier(LabelledTextComponent, IntentClassifier):
    """Learns the intent of each example."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """`gates`: by intent, from when on it comes first (see `gated`), in the order in which they are asked."""
        return {**LabelledTextComponent.get_default_config(), "gates": {}}

    def label_of(self, message: Message) -> Optional[Text]:
        intent, category = message.get("intent"), facts(message).get("category")
        return f"{intent}/{category}" if intent and category else intent

    def label_of_concept(self, concept: Text, known: AbstractSet[Text]) -> Optional[Text]:
        report = f"report/{concept}"
        return report if report in known else super().label_of_concept(concept, known)

    def write(self, message: Message, ranking: Ranking) -> None:
        intents = gated(best_of(ranking), self._config["gates"])
        message.set("intent", first_of(intents), add_to_output=True)
        message.set("announces", announces(ranking), add_to_output=True)
        message.set("intent_ranking", named(intents[:_RANKING_LENGTH]), add_to_output=True)


def best_of(ranking: Ranking) -> Ranking:
    """Intents in the order of their best label, which speaks for the intent; the probabilities add up to 1."""
    chances: Dict[Text, float] = {}
    for label, chance in ranking:
        chances.setdefault(label.partition("/")[0], chance)
    total = sum(chances.values())
    return [(intent, chance / total) for intent, chance in chances.items()]


def announces(ranking: Ranking) -> bool:
    """Whether the words only say that a report follows: of all reports those without a category are the likeliest."""
    reports = [label for label, _ in ranking if label.partition("/")[0] == "report"]
    return reports[:1] == ["report"]


def gated(ranking: Ranking, gates: Dict[Text, float]) -> Ranking:
    """The ranking with the first intent that reaches its gate in front.

    Compared is its probability over the root of the likeliest other's: a message that resembles nothing gives every
    intent a little, which is no sign of danger.
    """
    chances: Dict[Text, float] = dict(ranking)
    for intent, threshold in gates.items():
        chance = chances.get(intent, 0.0)
        other = max((share for name, share in ranking if name != intent), default=0.0)
        if chance > 0 and chance >= threshold * math.sqrt(other):
            sure = max(chance, GATED)
            left = (1 - sure) / max(1 - chance, 1e-9)
            rest: List[Tuple[Text, float]] = [(name, share * left) for name, share in ranking if name != intent]
            return [(intent, sure), *rest]
    return ranking
