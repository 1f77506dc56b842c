"""What a citizen does on a phone, before it becomes one channel's webhook; built by `api`, sent by `world`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CitizenAction:
    """One action; `kind` is text, image, location, sticker, tap, follow, unfollow or withdraw.

    A tap has the button's kind in `button` (see `store.Button`), its title in `text` and its value in `payload`.
    """

    kind: str
    message_id: str
    timestamp: int
    text: str = ""
    image: str = ""
    location: tuple[float, float] | None = None
    button: str = ""
    payload: str = ""
