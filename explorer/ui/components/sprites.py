"""Many small pictures as one: what a chart shows when the pointer is over a point."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Sprites:
    """``sheet``: a PNG as a data URL, in which picture n is ``width`` × ``height`` pixels at row n // columns and
    column n % columns."""

    sheet: str
    columns: int
    rows: int
    width: int
    height: int


def sprites(pictures: np.ndarray) -> Sprites:
    """Pictures uint8 (N, C, H, W), C 1 or 3, on one sheet, about as high as it is wide."""
    count, channels, height, width = pictures.shape
    columns = max(1, int(np.ceil(np.sqrt(count))))
    rows = max(1, -(-count // columns))
    filled = np.zeros((rows * columns, channels, height, width), np.uint8)
    filled[:count] = pictures
    grid = filled.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    sheet = grid.reshape(rows * height, columns * width, channels)
    buffer = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(buffer, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Sprites(url, columns, rows, width, height)
