"""The Rasa component that finds case codes (entity `case_code`); named in config.yml."""

import re
from typing import Any, Dict, Iterator, List, Text, Tuple

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.training_data.message import Message

# PA-482-913-773 however it was typed: "pa 482913776", "PA482 913 776", "P.A: 482.913.776"
_NINE = r"\d(?:[\s.\-–_]{0,3}\d){8}(?!\d)"
_WITH_LETTERS = re.compile(rf"(?<![^\W_])p\s?\.?\s?a[\s.:#\-–_]{{0,3}}({_NINE})", re.IGNORECASE)
_AFTER_A_WORD = re.compile(
    r"(?<!\w)(?:mã|ma|hồ\s?sơ|ho\s?so|hs|code)(?:\s(?:số|so|hồ sơ|ho so|phản ánh|phan anh|là|la)){0,3}"
    rf"[\s.:#]{{0,3}}(?<!\d)({_NINE})",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"^\W*(?:\w{{1,4}}\W+)?({_NINE})\W*(?:\w{{1,4}}\W*)?$")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class CaseCodeExtractor(GraphComponent, EntityExtractorMixin):
    """Adds one entity per case code, its value always written PA-482-913-773."""

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "CaseCodeExtractor":
        return cls()

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            found = [
                {"entity": "case_code", "start": start, "end": end, "value": value}
                for start, end, value in case_codes(message.get("text") or "")
            ]
            entities = message.get("entities", []) + self.add_extractor_name(found)
            message.set("entities", entities, add_to_output=True)
        return messages


def without_codes(text: Text) -> Text:
    """The text with every code written the same, so that its digits teach and mean nothing."""
    for start, end, _ in sorted(case_codes(text), reverse=True):
        text = f"{text[:start]}PA-000-000-000{text[end:]}"
    return text


def case_codes(text: str) -> Iterator[Tuple[int, int, str]]:
    """(start, end, PA-482-913-773) of each code in the text; bare digits count only alone or after "mã", "hồ sơ"."""
    seen = set()
    for pattern in (_WITH_LETTERS, _AFTER_A_WORD, _ALONE):
        for match in pattern.finditer(text):
            digits = re.sub(r"\D", "", match.group(1))
            if match.start(1) in seen:
                continue
            seen.add(match.start(1))
            start = match.start() if pattern is _WITH_LETTERS else match.start(1)
            yield start, match.end(1), f"PA-{digits[:3]}-{digits[3:6]}-{digits[6:]}"
