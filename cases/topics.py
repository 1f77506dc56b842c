"""What people call the topics of the FAQ, from `catalogue/topics.yml`; called by the editor."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml


@cache
def load_topics() -> Mapping[str, str]:
    """The Vietnamese title of every topic and guide."""
    titles: Mapping[str, str] = yaml.safe_load(
        Path(__file__).with_name("catalogue").joinpath("topics.yml").read_text("utf-8")
    )
    return titles
