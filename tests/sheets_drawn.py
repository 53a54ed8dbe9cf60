"""Sheets with several digits, drawn here: where each is and what it says is known."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = ImageFont.load_default(size=90)
ROWS = ("2748", "2840", "9653")


@dataclass(frozen=True, eq=False)
class Drawn:
    image: Image.Image
    text: str
    boxes: tuple[tuple[int, int, int, int], ...]

    @property
    def png(self) -> bytes:
        out = BytesIO()
        self.image.save(out, "PNG")
        return out.getvalue()


def sheet(
    rows: tuple[str, ...] = ROWS,
    *,
    paper: int = 235,
    ink: int = 40,
    size: tuple[int, int] = (900, 700),
    step: int = 190,
    fall: float = 0.0,
    line: int | None = None,
    squares: bool = False,
    shadow: float = 0.0,
) -> Drawn:
    """Rows of digits; ``fall``: how many pixels a row falls for one to the right; ``line``: the ruling's grey."""
    image = Image.new("L", size, paper)
    pen = ImageDraw.Draw(image)
    if line is not None:
        for y in range(20, size[1], 47):
            pen.line([(0, y), (size[0], y)], fill=line, width=2)
        for x in range(15, size[0] if squares else 0, 47):
            pen.line([(x, 0), (x, size[1])], fill=line, width=2)
    boxes = []
    for row, text in enumerate(rows):
        for column, digit in enumerate(text):
            at = (70 + step * column, round(60 + 200 * row + fall * step * column))
            pen.text(at, digit, fill=ink, font=FONT)
            alone = Image.new("1", size)
            ImageDraw.Draw(alone).text(at, digit, fill=1, font=FONT)
            boxes.append(alone.getbbox() or (0, 0, 0, 0))
    values = np.asarray(image, dtype=np.float32)
    values = values * (1.0 - shadow * np.linspace(0, 1, size[0]))
    values[:, size[0] // 2 :] *= 1.0 - 0.6 * shadow
    return Drawn(Image.fromarray(np.rint(values).astype(np.uint8)), "".join(rows), tuple(boxes))
