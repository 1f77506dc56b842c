"""conversations.jsonl: its lines, what became of each, and the figures; played by `bench.player`, for `bench.evaluate`.

Judged from what the store holds. Of `must_not` the lines `text:` are judged here; `act:` is for a reader.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figure, Number, quantile, read_lines, share
from bot.normalise import fold

CHANNELS = ("zalo", "messenger")
_KIND = re.compile(r"(\w+)(?=:|,|$)")
_OUT_OF_SCOPE = frozenset({"out_of_scope", "abuse"})
_TALK = re.compile(r"\w")


@dataclass(frozen=True)
class Detour:
    """Said once, when the bot has asked for `after`."""

    after: str
    say: str
    intents: tuple[str, ...]


@dataclass(frozen=True)
class Expected:
    """What must have come of a conversation; an empty tuple is not scored."""

    filed: tuple[bool, ...]  # any of these: both where either is right
    cases_filed: tuple[int, ...]
    categories: tuple[str, ...]
    districts: tuple[str, ...]
    wards: tuple[str, ...]
    description: tuple[str, ...]
    must_not: tuple[str, ...]
    must_mention: tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """One line of the file: who the citizen is and what is said."""

    id: str
    channel: str
    opening: tuple[str, ...]
    answers: Mapping[str, str | bool]
    answers_next: Mapping[str, str | bool]
    detours: tuple[Detour, ...]
    own_case: Mapping[str, Any] | None
    other_case: Mapping[str, Any] | None
    expected: Expected
    persona: str
    tests: str

    @property
    def kind(self) -> str:
        """What the line is there for, when `tests` begins with one word: "two_messages: waste"."""
        found = _KIND.match(self.tests)
        return found[1] if found else ""


@dataclass(frozen=True)
class StoredCase:
    """A case as the store has it; `words` is all that was told about it, additions included."""

    code: str
    category: str
    district: str | None
    ward: str | None
    words: str


@dataclass(frozen=True)
class TurnTaken:
    """One turn: what was understood, whether and how soon it was answered; `ms` is None when it was not."""

    intent: str | None
    words: str
    replies: tuple[str, ...]
    ms: float | None


@dataclass(frozen=True)
class Played:
    """What a conversation left behind. `to_code`: citizen messages until a new case was there."""

    cases: tuple[StoredCase, ...]
    own: StoredCase | None
    turns: tuple[TurnTaken, ...]
    shown: tuple[str, ...]
    dialogue: tuple[str, ...]
    codes: Mapping[str, str]
    to_code: int | None = None
    stuck: str = ""  # why the play could not go on
    detours: tuple[tuple[Detour, str | None], ...] = ()  # those that were said, with what was understood


def read_scripts(path: Path) -> list[Script]:
    """The conversations of a file; raises ValueError naming the line that is not as `evaluation.md` says."""
    return read_lines(path, _script)


def differences(script: Script, played: Played) -> list[str]:
    """In what the end is not as expected; empty when it is."""
    wanted, found = script.expected, []
    if played.stuck:
        found.append(played.stuck)
    count = len(played.cases)
    counts = {*((wanted.cases_filed or (1,)) if True in wanted.filed else ()), *((0,) if False in wanted.filed else ())}
    if count not in counts:
        found.append(f"{count} new cases, expected {_either(sorted(counts))}")
    described = played.cases or ((played.own,) if played.own and False in wanted.filed else ())
    for case in described:
        found += _case_differences(wanted, case)
    words = "\n".join(case.words for case in described).casefold()
    if described:
        found += [f"not stored: {part}" for part in wanted.description if part.casefold() not in words]
    return [*found, *_talk_differences(wanted, played)]


def figures(pairs: Sequence[tuple[Script, Played]], alone: Sequence[Played], fallbacks: Sequence[str]) -> list[Figure]:
    """All figures of the file; `alone` were played one after the other, `fallbacks` say that nothing was understood."""
    right = [(script, not differences(script, played)) for script, played in pairs]
    to_code = [float(played.to_code) for _, played in pairs if played.to_code]
    clear = [float(p.to_code) for s, p in pairs if p.to_code and s.kind == "two_messages"]
    wanted = [played for script, played in pairs if False not in script.expected.filed]
    unwanted = [played for script, played in pairs if True not in script.expected.filed]
    turns = [turn for _, played in pairs for turn in played.turns]
    said = [(detour, intent) for _, played in pairs for detour, intent in played.detours if detour.intents]
    found = [
        share("conversations.as_expected", (ok for _, ok in right)),
        Number("conversations.messages_to_code_median", quantile(to_code, 0.5)),
        Number("conversations.messages_to_code_p90", quantile(to_code, 0.9)),
        *([Number("conversations.messages_to_code_two_messages_median", quantile(clear, 0.5))] if clear else []),
        share("conversations.wrongly_filed", (bool(played.cases) for played in unwanted)),
        share("conversations.not_filed", (not played.cases for played in wanted)),
        share("conversations.turns_unanswered", (turn.ms is None for turn in turns)),
        share("conversations.fallbacks", (_misses(turn, fallbacks) for turn in turns if _in_scope(turn))),
        share("conversations.detours_understood", (intent in detour.intents for detour, intent in said)),
        *_times("reply_ms", alone),
        *_times("reply_ms_in_a_crowd", [played for _, played in pairs]),
    ]
    for kind in sorted({script.kind for script, _ in right} - {""}):
        found.append(share(f"conversations.tests.{kind}", (ok for script, ok in right if script.kind == kind)))
    return found


def _times(name: str, played: Sequence[Played]) -> list[Figure]:
    times = [turn.ms for one in played for turn in one.turns if turn.ms is not None]
    parts = (("median", 0.5), ("p95", 0.95))
    return [Number(f"conversations.{name}_{word}", quantile(times, part)) for word, part in parts]


def _in_scope(turn: TurnTaken) -> bool:
    """Words about something the service is for, as far as it was understood; a sticker or a "?" is nothing to miss."""
    return turn.intent not in _OUT_OF_SCOPE and bool(_TALK.search(turn.words))


def _misses(turn: TurnTaken, fallbacks: Sequence[str]) -> bool:
    return any(reply.startswith(sentence) for reply in turn.replies for sentence in fallbacks)


def _case_differences(wanted: Expected, case: StoredCase) -> list[str]:
    found = []
    if wanted.categories and case.category not in wanted.categories:
        found.append(f"{case.code} category {case.category}, expected {_either(wanted.categories)}")
    if wanted.districts and case.district not in wanted.districts:
        found.append(f"{case.code} district {case.district}, expected {_either(wanted.districts)}")
    if wanted.wards and fold(case.ward or "") not in {fold(ward) for ward in wanted.wards}:
        found.append(f"{case.code} ward {case.ward}, expected {_either(wanted.wards)}")
    return found


def _talk_differences(wanted: Expected, played: Played) -> list[str]:
    shown = "\n".join(played.shown).casefold()
    found = []
    for line in wanted.must_not:
        kind, _, wording = line.partition(":")
        if kind == "text" and filled(wording.strip(), played.codes).casefold() in shown:
            found.append(f"shown: {wording.strip()}")
    for line in wanted.must_mention:
        choices = [filled(part.strip(), played.codes).casefold() for part in line.split("|")]
        if not any(part in shown for part in choices):
            found.append(f"not mentioned: {line}")
    return found


def filled(text: str, codes: Mapping[str, str]) -> str:
    """With the codes of the given cases in the place of {{code}} and {{other_code}}."""
    for name, code in codes.items():
        text = text.replace(f"{{{{{name}}}}}", code)
    return text


def _either(values: Sequence[object]) -> str:
    return " or ".join(map(str, values))


def _script(written: Mapping[str, Any]) -> Script:
    if written["channel"] not in CHANNELS:
        raise ValueError(f"channel {written['channel']}")
    given = written.get("given") or {}
    opening = written["opening"]
    if not isinstance(opening, list) or not opening or not all(isinstance(text, str) for text in opening):
        raise TypeError("opening is no list of strings")
    return Script(
        id=str(written["id"]),
        channel=written["channel"],
        opening=tuple(opening),
        answers=_answers(written.get("answers")),
        answers_next=_answers(written.get("answers_next")),
        detours=tuple(_detour(detour) for detour in written.get("detours") or ()),
        own_case=given.get("own_case"),
        other_case=given.get("other_case"),
        expected=_expected(written["expected"]),
        persona=str(written.get("persona") or ""),
        tests=str(written.get("tests") or ""),
    )


def _answers(written: Mapping[str, Any] | None) -> dict[str, str | bool]:
    answers = dict(written or {})
    wrong = [slot for slot, value in answers.items() if not isinstance(value, str | bool)]
    if wrong:
        raise TypeError(f"answers: {', '.join(wrong)} is neither text nor true or false")
    return answers


def _detour(written: Mapping[str, Any]) -> Detour:
    return Detour(str(written["after"]), str(written["say"]), _any(written.get("expect_intent")))


def _expected(written: Mapping[str, Any]) -> Expected:
    filed = _any(written["filed"])
    if not filed or not all(isinstance(value, bool) for value in filed):
        raise TypeError("filed is neither true nor false")
    return Expected(
        filed=filed,
        cases_filed=_any(written.get("cases_filed")),
        categories=_any(written.get("category")),
        districts=_any(written.get("district")),
        wards=_any(written.get("ward")),
        description=_any(written.get("description_must_contain")),
        must_not=_any(written.get("must_not")),
        must_mention=_any(written.get("bot_must_mention")),
    )


def _any(value: Any) -> tuple[Any, ...]:
    """One value or a list of which any is right, as a tuple."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)
