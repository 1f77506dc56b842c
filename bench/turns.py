"""How many form turns a second one Rasa process serves through bot/channel.py: `python -m bench.turns`.

A turn is a whole one: understanding, the form's action on the action server, replies and the new state. Two clients
send turns of a filing at once (the complaint, then the place), with the state the turn before them gave.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from bench.figures import Number, line, quantile, row
from bench.processes import our_actions, our_rasa

_CLIENTS = 2
_SAYS = (
    "Rác chất đống trước cổng chợ ba ngày nay không ai thu gom, mùi hôi thối không chịu nổi",
    "ngõ 12 phố Chùa Bộc phường Kim Liên",
)
_METADATA = {"conversation_id": 1, "turn_id": 1}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints turns a second and the milliseconds of a turn."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as folder, our_actions(Path(folder)) as actions_port:
        with our_rasa(options.model, actions_port) as address:
            filing(address, 10)
            start = time.perf_counter()
            with ThreadPoolExecutor(_CLIENTS) as clients:
                each = options.filings // _CLIENTS
                times = [ms for part in clients.map(lambda n: filing(address, each), range(_CLIENTS)) for ms in part]
            took = time.perf_counter() - start
    found = [
        Number("turns.per_second", len(times) / took),
        Number("turns.ms_median", quantile(times, 0.5)),
        Number("turns.ms_p99", quantile(times, 0.99)),
    ]
    print("\n".join([*map(row, found), *map(line, found)]))
    return 0


def filing(address: str, times: int) -> list[float]:
    """Takes the turns of a filing so many times; the milliseconds of each turn."""
    taken = []
    with requests.Session() as session:
        for number in range(times):
            state: dict[str, Any] = {}
            for text in _SAYS:
                turn = {"turn_id": f"bench-{number}", "text": text, "state": state, "metadata": _METADATA}
                start = time.perf_counter()
                answer = session.post(f"{address}/webhooks/turn/", json=turn, timeout=60)
                taken.append(1000 * (time.perf_counter() - start))
                answer.raise_for_status()
                state = answer.json()["state"]
    return taken


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("var/models"))
    parser.add_argument("--filings", type=int, default=200)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
