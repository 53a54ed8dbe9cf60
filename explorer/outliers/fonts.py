"""Characters of fonts as ink."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explorer.errors import DataError
from explorer.outliers.pen import fitted

LIKE_DIGITS = "BGIOQSZbcgijlopqsz"
"""Letters that some hand writes as others write a digit: nobody could tell."""
LETTERS = "".join(chr(code) for code in (*range(65, 91), *range(97, 123)) if chr(code) not in LIKE_DIGITS)
MORE_LETTERS = "ÄÅÆÉÑÜàäåæèéêëñüÿΓΔΛΠΣΦΨΩαηκλμνπχψωДЖИЛФЦШЩЮЯджийклмнптфцшщюя"
SIGNS = "#&@%?=+*$€§£¥µ¶©®†‡≠≥∑√∞≈×÷¿±Ω∆"

_HEIGHT = 72
_NOWHERE = "\U000effff"  # in no font


def files(folders: Iterable[Path]) -> tuple[str, ...]:
    """The fonts in these folders, by path. Raises DataError where there are none."""
    found = [file for folder in folders for kind in ("ttf", "otf") for file in folder.rglob(f"*.{kind}")]
    if not found:
        raise DataError("there are no fonts in these folders: name one with .ttf or .otf files")
    return tuple(sorted(map(str, found)))


@cache
def character(file: str, text: str) -> np.ndarray | None:
    """A font's character as ink (SIDE, SIDE), upright; None where the font has none."""
    drawn, none = _drawn(file, text), _drawn(file, _NOWHERE)
    if not drawn.any() or np.array_equal(drawn, none):
        return None
    return fitted(drawn.astype(np.float32) / 255.0)


def _drawn(file: str, text: str) -> np.ndarray:
    image = Image.new("L", (4 * _HEIGHT, 3 * _HEIGHT))
    ImageDraw.Draw(image).text((_HEIGHT, _HEIGHT // 2), text, fill=255, font=_font(file))
    return np.asarray(image)


@cache
def _font(file: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(file, _HEIGHT)
