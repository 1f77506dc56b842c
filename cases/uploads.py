"""What an officer uploads is not too large, and clean where the city runs a scanner; called before it is kept."""

import logging

from cases.steps import ActionRefusedError
from core.scanner import Scanner, ScannerAwayError

log = logging.getLogger(__name__)

MOST_BYTES = 10 * 1024 * 1024  # of a picture, before it is made smaller


def admit(data: bytes, scan: Scanner | None) -> None:
    """Raises ActionRefusedError: no verdict is no permission, the officer may try again."""
    if len(data) > MOST_BYTES:
        raise ActionRefusedError("proof_large")
    if scan is None:
        return
    try:
        verdict = scan(data)
    except ScannerAwayError:
        log.error("upload not looked at", extra={"reason": "scanner_away", "outcome": "refused"})
        raise ActionRefusedError("upload_unscanned") from None
    if verdict != "clean":
        log.warning("upload refused", extra={"reason": verdict, "outcome": "refused"})
        raise ActionRefusedError("upload_infected")
