"""Takes each guard away in turn and asks its harm test to notice: `python -m bench.harm [WORD]`.

Works on a copy of the tree. A test that still passes without its guard is named and makes the run fail; so is a guard
whose line is no longer in the code.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
TABLE = Path(__file__).with_name("harm.yml")


@dataclass(frozen=True)
class Guard:
    """One line that keeps a harm out, what is left without it, and the test that must then fail."""

    file: str
    line: str
    without: str
    tests: str
    name: str


def main() -> int:
    guards = [Guard(**entry) for entry in yaml.safe_load(TABLE.read_text("utf-8"))]
    chosen = [guard for guard in guards if not sys.argv[1:] or sys.argv[1] in guard.name]
    failures = [f"{guard.name} ({guard.file}): {said}" for guard in chosen if (said := _problem(guard))]
    print(*failures, f"{len(chosen) - len(failures)} of {len(chosen)} guards are watched.", sep="\n")
    return 1 if failures else 0


def _problem(guard: Guard) -> str:
    """What is wrong with the watch over this guard; "" when its test notices that it is gone."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        kept = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
        for name in kept.split("\0"):
            if name and not name.startswith(("data/nlu/", "tests/evaluation/")) and (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, copy / name)
        path = copy / guard.file
        code = path.read_text("utf-8")
        if guard.line not in code:
            return "its line is no longer there"
        path.write_text(code.replace(guard.line, guard.without), "utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", guard.tests]
        answer = subprocess.run(
            [*command, "-k", guard.name, "-m", "not postgres"], cwd=copy, capture_output=True, text=True, check=False
        )
        return {0: "its test passes without it", 1: ""}.get(answer.returncode, f"pytest said {answer.returncode}")


if __name__ == "__main__":
    sys.exit(main())
