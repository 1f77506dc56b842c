"""Chooses among several wordings of one answer by the turn, not by chance, so that a turn taken again says the same.

Named in bot/endpoints.yml, called by Rasa.
"""

import copy
import re
import zlib
from typing import Any, Dict, Optional, Text

from rasa.core.nlg.generator import ResponseVariationFilter
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

_NAME = re.compile(r"\{([a-z_]+)\}")


class StableResponses(TemplatedNaturalLanguageGenerator):
    """The responses of domain.yml; the conversation id (our turn id) picks the wording."""

    def __init__(self, endpoint_config: EndpointConfig, domain: Domain) -> None:
        super().__init__(domain.responses)

    async def generate(
        self, utter_action: Text, tracker: DialogueStateTracker, output_channel: Text, **kwargs: Any
    ) -> Optional[Dict[Text, Any]]:
        if utter_action not in self.responses:
            return None
        slots = tracker.current_slot_values()
        wordings = ResponseVariationFilter(self.responses).responses_for_utter_action(
            utter_action, output_channel, slots
        )
        if not wordings:
            return None
        chosen = wordings[zlib.crc32(f"{tracker.sender_id} {utter_action}".encode()) % len(wordings)]
        return _filled(copy.deepcopy(chosen), {**slots, **kwargs})


def _filled(part: Any, values: Dict[Text, Any]) -> Any:
    """Put values for {names}, once and as they are: Rasa's own way trips over braces and "0[" in what people wrote."""
    if isinstance(part, str):
        return _NAME.sub(lambda found: str(values.get(found[1], found[0])), part)
    if isinstance(part, list):
        return [_filled(item, values) for item in part]
    if isinstance(part, dict):
        return {key: _filled(item, values) for key, item in part.items()}
    return part
