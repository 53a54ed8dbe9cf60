"""Any picture to digits in MNIST's form, step by step. No torch, no Streamlit."""

from __future__ import annotations

from explorer.digits.decode import Picture, decode
from explorer.digits.find import Box, Sheet, find, is_tiny, prepare_box, several, survey
from explorer.digits.prepare import SHAPE, Preparation, Prepared, Step, prepare

__all__ = [
    "SHAPE",
    "Box",
    "Picture",
    "Preparation",
    "Prepared",
    "Sheet",
    "Step",
    "decode",
    "find",
    "is_tiny",
    "prepare",
    "prepare_box",
    "read",
    "several",
    "survey",
]


def read(
    data: bytes, name: str = "", options: Preparation | None = None, *, shape: tuple[int, int, int] = SHAPE
) -> list[Prepared]:
    """The digits in a file's bytes, in reading order: one, or all of a sheet that shows several.

    Raises PictureError, one sentence, where the file is not a picture that is read or shows no ink.
    """
    picture = decode(data, name)
    if not is_tiny(picture):
        sheet = survey(picture)
        if several(sheet):
            return [prepare_box(sheet, box, shape, options) for box in sheet.boxes]
    return [prepare(picture, options, shape=shape)]
