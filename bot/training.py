"""One training by Rasa, in a process of its own; started by `bot.train`."""

import sys
from typing import Sequence, Text

from rasa.model_training import train

from bot.server import settle


def main(arguments: Sequence[Text]) -> int:
    """Arguments: domain, config, folder for the model, its name, then files or folders of training data."""
    domain, config, output, name, *data = arguments
    settle()
    result = train(domain, config, data, output, force_training=True, fixed_model_name=name)
    return result.code or (0 if result.model else 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
