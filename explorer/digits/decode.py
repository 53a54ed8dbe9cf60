"""Untrusted bytes to pixels: six picture formats, within fixed limits, or one sentence that says what is wrong.

The content decides, never the file's name. The first bytes choose the one decoder that may see the file; the header's
width and height are checked before any pixel is decoded; whatever a decoder raises becomes a :class:`PictureError`.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass, replace
from io import BytesIO
from math import ceil
from pathlib import PurePath

import numpy as np
from PIL import Image

from explorer.digits.sniff import EXTENSIONS, READABLE, picture_format, what_it_is
from explorer.errors import PictureError

MAX_BYTES = 20_000_000
MAX_PIXELS = 16_000_000
MAX_WEBP_PIXELS = 12_000_000  # its decoder holds four copies of the picture
LONGEST_SIDE = 2048  # larger pictures are averaged down by a whole factor: plenty for a sheet of digits
MIN_LONG_SIDE = 8
MAX_JPEG_SCANS = 100  # each scan of a progressive JPEG passes over all pixels; cameras write about ten

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BACK = {6: 8, 8: 6}  # the turns that undo these two; all others undo themselves
_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 322, 323

# One picture at a time: thirty phone photos at once would add up in memory, and catch_warnings is not thread-safe.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture. ``rgb``: uint8 (H, W, 3); ``alpha``: uint8 (H, W), 255 is opaque, or None where all of it is.

    ``size``: (width, height) in the file, before turning. ``factor``: by how much it was averaged down to ``rgb``.
    ``orientation``: the tag by which it was turned upright, 1 where it lay so. ``notes``: what a reader should know.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    kind: str = ""
    size: tuple[int, int] = (0, 0)
    factor: float = 1.0
    notes: tuple[str, ...] = ()
    orientation: int = 1

    def as_it_lies(self) -> Picture:
        """The picture as the file has it, before it was turned upright."""
        back = _BACK.get(self.orientation, self.orientation)
        alpha = None if self.alpha is None else _turned(self.alpha, back)
        return replace(self, rgb=_turned(self.rgb, back), alpha=alpha, orientation=1)


def decode(data: bytes, name: str = "") -> Picture:
    """Read a PNG, JPEG, WebP, BMP, GIF or TIFF of at most 20 MB and 16 megapixels; ``name`` only serves a note.

    Of animations and multi-page files the first picture is read. Raises PictureError, one sentence, for all else.
    """
    if not data:
        raise PictureError(f"The file is empty (0 bytes): choose a picture ({READABLE}).")
    if len(data) > MAX_BYTES:
        raise PictureError(
            f"The file has {len(data) / 1e6:,.1f} MB: at most {MAX_BYTES / 1e6:.0f} MB are read, so make it smaller."
        )
    kind = picture_format(data)
    if kind is None:
        raise PictureError(f"This is {what_it_is(data)}: {READABLE} pictures are read, so save it as one.")
    if kind == "JPEG" and data.count(b"\xff\xda") > MAX_JPEG_SCANS:
        raise PictureError(
            f"This JPEG is built from more than {MAX_JPEG_SCANS} layers and takes too long: save it again."
        )
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about repairable oddities; what is not repairable it raises
        image = _opened(data, kind)
        notes = [note for note in (_name_note(name, kind), _frames_note(image)) if note]
        size = image.size
        pixels, more, orientation = _pixels(image, kind)
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else None
    if alpha is not None and alpha.min() == 255:
        alpha = None
    factor = max(size) / max(pixels.shape)
    return Picture(np.ascontiguousarray(pixels[..., :3]), alpha, kind, size, factor, (*notes, *more), orientation)


def _opened(data: bytes, kind: str) -> Image.Image:
    """The file's header read, its size within the limits; no pixel decoded yet."""
    most = MAX_WEBP_PIXELS if kind == "WebP" else MAX_PIXELS
    too_large = f"more than the {most / 1e6:.0f} megapixels that are read: make it smaller and try again."
    try:
        image = Image.open(BytesIO(data), formats=[kind])
    except Image.DecompressionBombError:
        raise PictureError(f"This {kind} is {too_large}") from None
    except Exception as error:  # a decoder of untrusted bytes may raise anything
        raise _damaged(kind) from error
    width, height = image.size
    tags = getattr(image, "tag_v2", {})
    tile = [tags.get(tag, 1) for tag in (_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT)]
    if width * height > most:
        raise PictureError(f"This {kind} is {width:,} × {height:,} pixels, {too_large}")
    if not all(isinstance(side, int) for side in tile) or tile[0] * tile[1] > MAX_PIXELS:
        raise _damaged(kind)  # a decoder's buffer is as large as a tile, whatever the picture's size
    if max(width, height) < MIN_LONG_SIDE or min(width, height) < 1:
        raise PictureError(
            f"This {kind} is {width} × {height} pixels: it takes at least {MIN_LONG_SIDE} pixels in height or "
            "width, so choose a larger picture."
        )
    return image


def _damaged(kind: str) -> PictureError:
    return PictureError(f"This {kind} is damaged or cut off: save or send it again.")


def _pixels(image: Image.Image, kind: str) -> tuple[np.ndarray, list[str], int]:
    """The first picture, upright: uint8 (H, W, 3 or 4) whatever its mode, no side over ``LONGEST_SIDE``; notes; and the
    orientation tag by which it was turned."""
    try:
        factor = ceil(max(image.size) / LONGEST_SIDE)
        image.draft(None, (image.width // factor, image.height // factor))  # a large JPEG is decoded at half size
        image.load()
        orientation = _orientation(image)
        deep = image.mode in _DEEP_MODES
        if deep:
            image = _as(image, "F" if image.mode == "F" else "I")
        else:
            image = _as(image, "RGBA" if image.has_transparency_data else "L" if image.mode == "L" else "RGB")
        factor = ceil(max(image.size) / LONGEST_SIDE)
        image = image.reduce(factor) if factor > 1 else image
        image = image if orientation == 1 else image.transpose(_UPRIGHT[orientation])
        if deep:
            grey, note = _stretched(np.asarray(image))
            return np.repeat(grey[..., None], 3, axis=2), [note], orientation
        return np.asarray(_as(image, "RGB") if image.mode == "L" else image), [], orientation
    except Exception as error:  # a decoder of untrusted bytes may raise anything
        raise _damaged(kind) from error


def _as(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)  # convert() copies even where nothing changes


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """uint8 (H, W) or (H, W, 3), turned as the orientation tag says."""
    return pixels if orientation == 1 else np.asarray(Image.fromarray(pixels).transpose(_UPRIGHT[orientation]))


def _orientation(image: Image.Image) -> int:
    """The picture's orientation tag, 2 to 8, or 1 for upright (EXIF, XMP; a TIFF is turned while it is loaded)."""
    try:
        tag = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # damaged metadata beside sound pixels: the picture stays as it lies
        return 1
    return tag if tag in _UPRIGHT else 1


def _stretched(values: np.ndarray) -> tuple[np.ndarray, str]:
    """Deep greys, int32 or float32 (H, W), to uint8: their own smallest value is black, their largest white."""
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    note = f"Deep greys: {low:,.6g} to {high:,.6g} became 0 to 255."
    if high <= low:
        return np.zeros(values.shape, dtype=np.uint8), note
    # halves, so that the range of float32's largest values is no overflow
    return np.rint((finite / 2 - low / 2) * np.float32(255.0 / (high / 2 - low / 2))).astype(np.uint8), note


def _name_note(name: str, kind: str) -> str:
    """A note where a name ends like another picture format than the content's."""
    claimed = EXTENSIONS.get(PurePath(name).suffix.lower(), kind)
    return "" if claimed == kind else f"Named like a {claimed}, but the content is {kind}: read as {kind}."


def _frames_note(image: Image.Image) -> str:
    try:
        several = bool(getattr(image, "is_animated", False))
    except Exception:  # counting looks at the second picture, which may be damaged; only the first is read
        several = True
    return "The file holds several pictures: the first is read." if several else ""
