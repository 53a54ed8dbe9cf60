"""A small picture as text that fits into a link: its bytes deflated (with zlib's checksum) in URL-safe Base64."""

from __future__ import annotations

import base64
import binascii
import math
import zlib

import numpy as np

from explorer.errors import PictureError

LONGEST = 4_096
"""Characters of a link's text; browsers and servers take addresses of twice that."""
_DAMAGED = "the picture in the link is damaged: ask for the link again, and copy it whole"


def to_text(pixels: np.ndarray) -> str:
    """Pixels uint8 (C, H, W) → letters, digits, ``-`` and ``_``; some 300 of them for a digit of MNIST's form."""
    packed = zlib.compress(np.ascontiguousarray(pixels, np.uint8).tobytes(), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def from_text(text: str, shape: tuple[int, int, int]) -> np.ndarray:
    """The inverse of :func:`to_text` for pixels of this shape, a new array.

    The text comes from anybody: nothing larger than the shape's bytes is ever unpacked. Raises PictureError.
    """
    if len(text) > LONGEST:
        raise PictureError(
            f"the picture in the link is longer than {LONGEST:,} characters: it is none of Kernelscope's"
        )
    size = math.prod(shape)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(packed, size + 1)
    except (ValueError, binascii.Error, zlib.error):
        raise PictureError(_DAMAGED) from None
    if len(content) != size or not unpacker.eof or unpacker.unused_data:
        raise PictureError(_DAMAGED)
    return np.frombuffer(content, np.uint8).reshape(shape).copy()
