"""Draws two sample photos, so that a person or a test can report something without a camera; called by `api`."""

import io
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

SIZE = (960, 720)
Point = tuple[int, int]


def draw(name: str) -> bytes:
    """JPEG bytes of `sample` (a pothole) or `sample2` (a heap of rubbish); KeyError for another name."""
    painter = SAMPLES[name]
    image = Image.new("RGB", SIZE, "#c9d6df")
    painter(ImageDraw.Draw(image), random.Random(name))  # noqa: S311  # a drawing, the same each time
    noise = Image.effect_noise(SIZE, 28).convert("RGB")
    output = io.BytesIO()
    Image.blend(image, noise, 0.10).filter(ImageFilter.GaussianBlur(1.2)).save(output, "JPEG", quality=85)
    return output.getvalue()


def _street(brush: ImageDraw.ImageDraw) -> None:
    brush.rectangle((0, 0, 960, 250), fill="#b7c9d6")
    for left, top, colour in ((0, 70, "#d9c8a9"), (210, 110, "#c7a98f"), (430, 50, "#dcd3c4"), (700, 95, "#b9b39a")):
        brush.rectangle((left, top, left + 250, 290), fill=colour)
        for x in range(left + 25, left + 220, 65):
            brush.rectangle((x, top + 35, x + 32, top + 85), fill="#5f7480")
            brush.rectangle((x, top + 115, x + 32, top + 160), fill="#64757d")
    brush.rectangle((0, 285, 960, 345), fill="#a39d92")
    brush.polygon(((0, 345), (960, 345), (960, 720), (0, 720)), fill="#595c60")


def _blob(random_: random.Random, centre: Point, radius: Point) -> list[Point]:
    offsets = ((10, 0), (8, 6), (3, 9), (-3, 10), (-8, 6), (-10, 0), (-8, -6), (-2, -9), (4, -9), (8, -5))
    return [
        (
            int(centre[0] + radius[0] * x / 10 * random_.uniform(0.85, 1.12)),
            int(centre[1] + radius[1] * y / 10 * random_.uniform(0.85, 1.12)),
        )
        for x, y in offsets
    ]


def _pothole(brush: ImageDraw.ImageDraw, random_: random.Random) -> None:
    _street(brush)
    for y, width in ((390, 10), (470, 16), (590, 26)):
        brush.rectangle((120, y, 300, y + width), fill="#d6d3c2")
    brush.polygon(_blob(random_, (560, 540), (260, 110)), fill="#47494b")
    brush.polygon(_blob(random_, (560, 545), (225, 88)), fill="#2f2b27")
    brush.polygon(_blob(random_, (565, 560), (165, 52)), fill="#6b6557")
    brush.polygon(_blob(random_, (545, 555), (90, 20)), fill="#9aa3a6")
    for _ in range(60):
        x, y, size = random_.randint(270, 860), random_.randint(430, 670), random_.randint(2, 8)
        brush.ellipse((x, y, x + size, y + size), fill="#7a7770")


def _rubbish(brush: ImageDraw.ImageDraw, random_: random.Random) -> None:
    _street(brush)
    brush.ellipse((140, 560, 840, 690), fill="#46484a")
    colours = ("#2b4c7e", "#1f1f22", "#7a2f2a", "#39603d", "#d9d7cf", "#b98b2f", "#5a4b7a", "#303338")
    for row in range(4):
        for column in range(7 - row):
            centre = (230 + row * 45 + column * 85, 610 - row * 70)
            brush.polygon(_blob(random_, centre, (68, 52)), fill=random_.choice(colours))
    for _ in range(25):
        x, y = random_.randint(120, 850), random_.randint(590, 690)
        brush.rectangle((x, y, x + random_.randint(8, 26), y + random_.randint(4, 14)), fill=random_.choice(colours))


SAMPLES: dict[str, Callable[[ImageDraw.ImageDraw, random.Random], None]] = {"sample": _pothole, "sample2": _rubbish}
