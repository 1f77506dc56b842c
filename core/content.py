"""Says what bytes are by looking at them, draws pictures anew; called by webhook.media and cases."""

import io
import struct
from dataclasses import dataclass, field
from itertools import pairwise

from PIL import Image, ImageOps

MAX_PIXELS = 40_000_000
LONG_SIDE = 2560  # pixels
THUMBNAIL_SIDE = 480  # pixels
JPEG_QUALITY = 85
HASH_SIDE = 8  # rows and columns of a fingerprint
LEAST_CONTRAST = 16  # of 255

UNKNOWN = "application/octet-stream"
# The registered name of docx is longer than the column; Word opens both under this one.
WORD = "application/msword"
PICTURE_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
STARTS = (
    (b"%PDF-", "application/pdf"),
    (b"#!AMR\n", "audio/amr"),
    (b"#!AMR-WB\n", "audio/amr-wb"),
    (b"OggS", "audio/ogg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
)
MP4_BRANDS = frozenset({b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash"})
MP4_BRANDS |= frozenset({b"MSNV", b"M4V ", b"M4VH", b"M4VP"})
M4A_BRANDS = frozenset({b"M4A ", b"M4B "})
OLE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class PictureError(Exception):
    """The bytes begin like a picture and cannot be made into one; `retry` when another copy may be whole."""

    def __init__(self, code: str, *, retry: bool) -> None:
        super().__init__(code)
        self.code = code
        self.retry = retry


@dataclass(frozen=True)
class Content:
    """What is kept: the bytes, a mime type safe to name, and for a picture a small JPEG and what it looks like."""

    data: bytes = field(repr=False)
    mime: str
    thumbnail: bytes | None = field(default=None, repr=False)
    fingerprint: str | None = None


def recognise(data: bytes, kind: str) -> Content:
    """What was sent, by its first bytes; pictures are drawn anew, anything else is kept as it is.

    `kind` is the platform's word and only tells sound from film within mp4. Raises PictureError.
    """
    picture = _picture_format(data)
    if picture is not None:
        return _picture(data, picture)
    mime = _mime(data)
    return Content(data, "audio/mp4" if mime == "video/mp4" and kind == "audio" else mime)


def fitted(content: Content, limit: int) -> Content:
    """A picture of at most `limit` bytes: as it is where it fits, else a JPEG, smaller and smaller."""
    if len(content.data) <= limit:
        return content
    with Image.open(io.BytesIO(content.data)) as image:
        small = _on_white(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    while True:
        data = _encoded(small, "JPEG")
        if len(data) <= limit:
            return Content(data, "image/jpeg", content.thumbnail, content.fingerprint)
        small.thumbnail((max(small.size) * 3 // 4, max(small.size) * 3 // 4))


def _picture_format(data: bytes) -> str | None:
    for start, name in PICTURE_STARTS:
        if data.startswith(start):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return "AVIF" if data[4:12] in {b"ftypavif", b"ftypavis"} else None


def _mime(data: bytes) -> str:
    for start, mime in STARTS:
        if data.startswith(start):
            return mime
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return "video/mp4" if brand in MP4_BRANDS else "audio/mp4" if brand in M4A_BRANDS else UNKNOWN
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    old_word = data.startswith(OLE_START) and "WordDocument".encode("utf-16-le") in data
    new_word = data.startswith(b"PK\x03\x04") and b"word/document.xml" in data
    return WORD if old_word or new_word else UNKNOWN


def _picture(data: bytes, name: str) -> Content:
    try:
        with Image.open(io.BytesIO(data), formats=[name]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PictureError("too_many_pixels", retry=False)
            clean = _redrawn(image)
        lossless = name in {"PNG", "GIF"} or clean.mode == "RGBA"
        encoded = _encoded(clean, "PNG" if lossless else "JPEG")
        mime = "image/png" if lossless else "image/jpeg"
        return Content(encoded, mime, _thumbnail(clean), fingerprint(clean))
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError("too_many_pixels", retry=False) from None
    except Exception:
        # Decoders raise whatever the bytes lead them to; one bad picture must not stop the others.
        raise PictureError("broken_picture", retry=True) from None


def _redrawn(image: Image.Image) -> Image.Image:
    """The pixels only, upright and at most LONG_SIDE: place, camera, comments and colour profile stay behind."""
    image.draft("RGB", (LONG_SIDE, LONG_SIDE))  # a JPEG is decoded small at once: a tenth of the memory
    drawn = image.convert("RGBA" if image.has_transparency_data else "RGB")
    drawn.thumbnail((LONG_SIDE, LONG_SIDE))
    drawn = _upright(drawn)
    drawn.info.clear()  # saving would write comments and profiles found here
    return drawn


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        return image  # a broken EXIF block is no reason to lose the picture


def fingerprint(image: Image.Image) -> str | None:
    """16 hex digits that stay nearly the same when a picture is resized or compressed anew ("difference hash").

    Each bit says whether a spot is brighter than the one to its right. None for a picture with nothing on it: a wall,
    a dark street, a white page all look alike and are not the same picture.
    """
    small = _on_white(image).convert("L").resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.LANCZOS)
    low, high = small.getextrema()
    if not isinstance(low, int) or not isinstance(high, int) or high - low < LEAST_CONTRAST:
        return None
    dots = list(small.tobytes())
    rows = [dots[start : start + HASH_SIDE + 1] for start in range(0, len(dots), HASH_SIDE + 1)]
    bits = [left > right for row in rows for left, right in pairwise(row)]
    return f"{sum(bit << place for place, bit in enumerate(bits)):016x}"


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return _encoded(_on_white(small), "JPEG")


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page


def _encoded(image: Image.Image, name: str) -> bytes:
    out = io.BytesIO()
    image.save(out, name, quality=JPEG_QUALITY)
    return out.getvalue()
