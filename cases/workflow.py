"""States of a case and the moves between them: pure rules, called by service and shown by desk and portal."""

from enum import StrEnum


class Status(StrEnum):
    """Where a case stands; the Vietnamese words are in `catalogue/words.yml`."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    WAITING_CITIZEN = "waiting_citizen"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    REFUSED = "refused"
    MERGED = "merged"
    ABUSE = "abuse"
    WITHDRAWN = "withdrawn"


class Move(StrEnum):
    """What can be done to a case."""

    TAKE = "take"
    REPLY = "reply"
    ASK = "ask"
    ANSWER = "answer"
    TRANSFER = "transfer"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    REFUSE = "refuse"
    MERGE = "merge"
    MARK_ABUSE = "mark_abuse"
    WITHDRAW = "withdraw"


OPEN = frozenset({Status.NEW, Status.IN_PROGRESS, Status.WAITING_CITIZEN, Status.REOPENED})

_ALLOWED: dict[Move, frozenset[Status]] = {
    Move.TAKE: frozenset({Status.NEW, Status.REOPENED, Status.IN_PROGRESS, Status.WAITING_CITIZEN}),
    Move.REPLY: OPEN | {Status.RESOLVED},
    Move.ASK: OPEN,
    Move.ANSWER: frozenset({Status.WAITING_CITIZEN}),
    Move.TRANSFER: OPEN,
    Move.RESOLVE: OPEN,
    Move.REOPEN: frozenset({Status.RESOLVED, Status.REFUSED, Status.ABUSE, Status.WITHDRAWN}),
    Move.REFUSE: OPEN,
    Move.MERGE: OPEN,
    Move.MARK_ABUSE: OPEN,
    Move.WITHDRAW: OPEN,
}
_RESULT: dict[Move, Status] = {
    Move.ASK: Status.WAITING_CITIZEN,
    Move.ANSWER: Status.IN_PROGRESS,
    Move.TRANSFER: Status.NEW,
    Move.RESOLVE: Status.RESOLVED,
    Move.REOPEN: Status.REOPENED,
    Move.REFUSE: Status.REFUSED,
    Move.MERGE: Status.MERGED,
    Move.MARK_ABUSE: Status.ABUSE,
    Move.WITHDRAW: Status.WITHDRAWN,
}
_BY_CITIZEN = frozenset({Move.ANSWER, Move.WITHDRAW})
_NOT_TAKEN = frozenset({Status.NEW, Status.REOPENED})


class MoveNotAllowedError(Exception):
    """The case is in a state from which this move does not lead. Not worth a retry; the officer reloads the page."""

    def __init__(self, move: Move, status: Status) -> None:
        super().__init__(f"{move} from {status}")
        self.move = move
        self.status = status


def after(move: Move, status: Status) -> Status:
    """The state after a move; raises MoveNotAllowedError."""
    if status not in _ALLOWED[move]:
        raise MoveNotAllowedError(move, status)
    if move in _RESULT:
        return _RESULT[move]
    # Taking, or answering what nobody has taken yet, puts the case into work; a reply later changes nothing.
    if status in _NOT_TAKEN:
        return Status.IN_PROGRESS
    return status


def moves_from(status: Status) -> frozenset[Move]:
    """What an officer may do now; the citizen's own moves are not among them."""
    return frozenset(move for move, states in _ALLOWED.items() if status in states and move not in _BY_CITIZEN)
