"""Pictures that are really drawn: few colours, so that they are small and cheap (about 10 ms)."""

from __future__ import annotations

import colorsys
import hashlib
import io
import math
import textwrap
from functools import cache

from PIL import Image, ImageDraw, ImageFont

MARGIN = 0.08


def draw(prompt: str, size: str = "1024x1536", turn: int = 0) -> bytes:
    """A PNG of ``size`` (width x height in pixels) with the words of ``prompt`` on a pattern that
    the same prompt always gets in the same turn."""
    width, height = map(int, size.split("x"))
    seed = hashlib.sha256(f"{turn} {prompt}".encode()).digest()
    image = Image.new("P", (width, height), 0)
    image.putpalette(palette(seed[0]))
    pen = ImageDraw.Draw(image)
    pattern(pen, seed, width, height)
    words(pen, prompt, width, height)
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1, bits=2)
    return out.getvalue()


def palette(hue: int) -> list[int]:
    """Ground, pattern, panel, ink."""
    base = hue / 256
    tones = [(base, 0.35, 0.95), ((base + 0.08) % 1, 0.55, 0.80), (base, 0.05, 1.0)]
    colours = [colorsys.hsv_to_rgb(*tone) for tone in tones] + [(0.12, 0.12, 0.15)]
    return [round(part * 255) for colour in colours for part in colour]


def pattern(pen: ImageDraw.ImageDraw, seed: bytes, width: int, height: int) -> None:
    rays = 6 + seed[1] % 10
    centre = (width / 2, height * (0.2 + seed[2] / 512))
    reach = width + height
    for ray in range(rays):
        start, end = (2 * math.pi * (ray + part) / rays for part in (0, 0.5))
        edge = [
            (centre[0] + reach * math.cos(a), centre[1] + reach * math.sin(a)) for a in (start, end)
        ]
        pen.polygon([centre, *edge], fill=1)
    for index in range(3):
        x, y, r = (seed[3 + index * 3 + part] / 255 for part in range(3))
        radius = width * (0.06 + r * 0.1)
        at = (x * width, height * (0.62 + y * 0.34))
        pen.ellipse([at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius], fill=2)


def words(pen: ImageDraw.ImageDraw, prompt: str, width: int, height: int) -> None:
    """The prompt in the middle, as large as six lines of it allow."""
    lines = textwrap.wrap(" ".join(prompt.split()), width=16)[:6] or ["?"]
    longest = max(map(len, lines))
    points = int(
        min(width * (1 - 2 * MARGIN) / (0.62 * longest), height * 0.5 / (1.3 * len(lines)))
    )
    step = points * 1.3
    top = (height - step * len(lines)) / 2
    edge = width * MARGIN / 2
    pen.rectangle([edge, top - points * 0.4, width - edge, height - top + points * 0.3], fill=2)
    for index, line in enumerate(lines):
        pen.text((width / 2, top + step * index), line, fill=3, font=font(points), anchor="ma")


@cache
def font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(points)
