"""Does it generalise? Learn from all hands but one, ask about that one's lines: `python -m bench.hands [HAND ...]`.

Run by the bot's interpreter (Python 3.10), two minutes for each hand. The hands wrote independently, so this figure,
not the fit on the training data, tells how the next person's words will be understood.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench import duplicates
from bench.figures import row, share
from bot.intent import best_of
from bot.lexicon import HAND, read_terms, sentences
from bot.linear import Example, LinearModel

_STRICTNESS = 1.0  # as in config.yml


def main(hands: Sequence[str]) -> int:
    """Prints for each hand left out how many intents, and categories of reports, are right."""
    lines = duplicates.read(Path("data/nlu"))
    for hand in hands or sorted({line.hand for line in lines}):
        own = [line for line in lines if line.hand == hand]
        model = LinearModel.train(examples([line for line in lines if line.hand != hand]), _STRICTNESS)
        rankings = [model.rank(line.text) for line in own]
        intents = [bool(r) and best_of(r)[0][0] == line.label[0] for line, r in zip(own, rankings, strict=True)]
        found = [share(f"{hand}.intent_accuracy", intents)]
        reports = [(line, ranking) for line, ranking in zip(own, rankings, strict=True) if line.label[1]]
        if reports:
            found += [
                share(f"{hand}.category_top{n}", (line.label[1] in categories(r)[:n] for line, r in reports))
                for n in (1, 3)
            ]
        print("\n".join(map(row, found)), flush=True)
    return 0


def examples(lines: Sequence[duplicates.Line]) -> list[Example]:
    """The lines as `bot.intent` learns them, the sentences of the lexicon among them."""
    found = [Example(line.text, "/".join(filter(None, line.label)), line.hand) for line in lines]
    known = {example.label for example in found}
    for text, concept in sentences(read_terms(Path("data/lexicon"))):
        label = next((name for name in (f"report/{concept}", concept) if name in known), None)
        if label:
            found.append(Example(text, label, HAND))
    return found


def categories(ranking: Sequence[tuple[str, float]]) -> list[str]:
    """The categories of a ranking of intents, likeliest first."""
    return [label.partition("/")[2] for label, _ in ranking if label.startswith("report/")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
