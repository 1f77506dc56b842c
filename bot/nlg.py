"""Chooses among several wordings of one answer by the turn, not by chance, so that a turn taken again says the same.

Named in bot/endpoints.yml, called by Rasa.
"""

import copy
import zlib
from typing import Any, Dict, Optional, Text

from rasa.core.nlg.generator import ResponseVariationFilter
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig


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
        return self._fill_response(copy.deepcopy(chosen), slots, **kwargs)
