"""The Rasa component that splits messages into Vietnamese words ("rác thải", "đề nghị"); named in config.yml."""

import re
from typing import Any, Dict, List, Text

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from underthesea import word_tokenize

from bot.normalise import has_accents

MAX_CHARS = 2000
_SYLLABLE = re.compile(r"\w+|[^\w\s]")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class VietnameseTokenizer(Tokenizer):
    """Words by underthesea where accents tell them; plain syllables elsewhere, for there it would only guess."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """`splits_examples`: whether a component behind this one learns from words; ours read the text itself."""
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_", "splits_examples": True}

    @staticmethod
    def required_packages() -> List[Text]:
        return ["underthesea"]

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Splits the examples if anybody learns from it: a millisecond for each of tens of thousands."""
        return super().process_training_data(training_data) if self._config["splits_examples"] else training_data

    def tokenize(self, message: Message, attribute: Text) -> List[Token]:
        """Tokens with offsets into the text as written; what lies behind the first 2,000 characters is not split."""
        text = (message.get(attribute) or "")[:MAX_CHARS]
        words = word_tokenize(text) if has_accents(text) else _SYLLABLE.findall(text)
        return _placed(words, text)


def _placed(words: List[Text], text: Text) -> List[Token]:
    """underthesea rewrites spaces and letters here and there: a word that cannot be found as written is left out."""
    tokens, position = [], 0
    for word in words:
        start = text.find(word, position) if word else -1
        if start < 0:
            continue
        tokens.append(Token(word, start))
        position = start + len(word)
    return tokens
