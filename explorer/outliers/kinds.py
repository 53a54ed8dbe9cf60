"""All kinds of pictures that show no digit."""

from __future__ import annotations

from typing import NamedTuple

from explorer.outliers.drawn import (
    blobs,
    coil,
    corners,
    face,
    frame,
    glyph,
    looping,
    mark,
    to_and_fro,
    wandering,
)
from explorer.outliers.sources import Kind
from explorer.outliers.spoiled import crossed_out, photograph, turned, two_in_one
from explorer.outliers.written import letter, sign, strange_letter, word


class Of(NamedTuple):
    """A kind's function, how often it is drawn beside others, and which of ``digit_or_not.OTHERS`` it is."""

    draw: Kind
    weight: float
    like: int


KINDS: dict[str, Of] = {
    of.draw.__name__: of
    for of in (
        Of(letter, 8.0, 0),
        Of(strange_letter, 2.0, 0),
        Of(sign, 4.0, 0),
        Of(word, 1.0, 0),
        Of(glyph, 2.0, 1),
        Of(wandering, 1.0, 1),
        Of(looping, 1.0, 1),
        Of(corners, 1.0, 1),
        Of(to_and_fro, 1.0, 1),
        Of(coil, 0.7, 1),
        Of(frame, 1.5, 1),
        Of(mark, 1.5, 1),
        Of(face, 0.5, 1),
        Of(turned, 1.0, 2),
        Of(two_in_one, 1.0, 2),
        Of(crossed_out, 1.5, 2),
        Of(blobs, 1.0, 3),
        Of(photograph, 3.0, 3),
    )
}
"""Kinds of pictures without a digit."""
