"""Hosts the pictures citizens and the page send, under names nobody can guess; called by `api` and the servers."""

import io
import secrets
import threading
import warnings
from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_TOTAL_BYTES = 128 * 1024 * 1024
TYPES = {
    "JPEG": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "GIF": ("gif", "image/gif"),
    "WEBP": ("webp", "image/webp"),
}


class PictureRefused(Exception):
    """The bytes are too many, or no picture we can decode."""


@dataclass(frozen=True)
class Picture:
    """One hosted picture."""

    name: str
    mime: str
    data: bytes


class Media:
    """Pictures in memory; the oldest go when their total grows too big."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._lock = threading.Lock()
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._total = 0

    def add(self, data: bytes) -> str:
        """Checks and keeps a picture; returns its full address."""
        extension, mime = _decode(data)
        picture = Picture(f"{secrets.token_urlsafe(24)}.{extension}", mime, data)
        with self._lock:
            self._pictures[picture.name] = picture
            self._total += len(data)
            while self._total > MAX_TOTAL_BYTES:
                self._total -= len(self._pictures.popitem(last=False)[1].data)
        return f"{self._base_url}/media/{picture.name}"

    def find(self, name: str) -> Picture | None:
        """The picture, or None when it is unknown or gone."""
        with self._lock:
            return self._pictures.get(name)


def _decode(data: bytes) -> tuple[str, str]:
    if not data or len(data) > MAX_BYTES:
        raise PictureRefused
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            kind = TYPES.get(image.format or "")
            if kind is None or image.width * image.height > MAX_PIXELS:
                raise PictureRefused
            image.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureRefused from error
    return kind
