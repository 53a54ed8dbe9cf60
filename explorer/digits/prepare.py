"""One picture of one digit to MNIST's form, each step named, visible and able to be switched off.

A network with 99 % on MNIST fails on digits that do not look like MNIST's: dark on light, off-centre, thin strokes in a
large picture. Here a picture is prepared as MNIST's makers prepared theirs. A picture that is in that form already
comes out as it went in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from explorer.digits import form, ink
from explorer.digits.decode import Picture
from explorer.errors import PictureError

Polarity = Literal["dark on light", "light on dark"]
Box = tuple[int, int, int, int]

SHAPE = (1, 28, 28)
OFF = "Switched off."
READY = "In MNIST's form already: nothing to do."
_OUTLINE = 0.1  # ink from which a pixel counts as the digit's
_SHOWN = 256  # pixels on the longer side of a step's picture: for the eye


@dataclass(frozen=True)
class Preparation:
    """Which steps are taken. ``invert``: 'yes' where ink is darker than paper, 'no' where it is lighter."""

    background: bool = True
    invert: Literal["auto", "yes", "no"] = "auto"
    specks: bool = True
    crop: bool = True
    stroke: bool = True
    centre: bool = True
    contrast: bool = True


@dataclass(frozen=True, eq=False)
class Step:
    """What one step made of the picture. ``image``: uint8 (h, w) or (h, w, 3), reduced for the eye.

    ``changed`` is False where the step had nothing to do or is switched off; ``note`` says which, and what it did.
    """

    name: str
    title: str
    note: str
    image: np.ndarray
    changed: bool = True


@dataclass(frozen=True, eq=False)
class Prepared:
    """A digit in MNIST's form. ``pixels``: uint8 (H, W), ink is light.

    ``box``: where it was, (left, top, right, bottom) in pixels of the upright picture, right and bottom exclusive.
    ``notes``: what a reader should know.
    """

    pixels: np.ndarray
    steps: tuple[Step, ...]
    polarity: Polarity
    box: Box
    notes: tuple[str, ...] = ()


def prepare(
    picture: Picture | np.ndarray, options: Preparation | None = None, *, shape: tuple[int, int, int] = SHAPE
) -> Prepared:
    """A picture of one digit (decoded, or uint8 (H, W) or (H, W, 3)) to (H, W) of ``shape`` = (C, H, W).

    The digit's box is 20 / 28 of the field, as in MNIST. Raises PictureError where there is no ink.
    """
    options = options or Preparation()
    if isinstance(picture, np.ndarray):
        picture = _wrapped(picture)
    original = Step("picture", "Your picture", _pixels_note(picture.rgb), _shown(picture.rgb))
    grey, grey_step = _grey(picture)
    even, dark, light_steps = _light(grey, options)
    clean, left_out, ink_steps = _ink(even, options)
    where = ink.bounds(clean > _OUTLINE) if options.crop else (slice(0, clean.shape[0]), slice(0, clean.shape[1]))
    field, form_steps = _formed(clean, where, shape[1:], options)
    pixels, contrast_step = _contrasted(field, options)

    polarity: Polarity = "dark on light" if dark else "light on dark"
    rows, columns = where
    corners = (columns.start, rows.start, columns.stop, rows.stop)
    left, top, right, bottom = (round(corner * picture.factor) for corner in corners)
    notes = picture.notes
    if left_out:
        notes += ("There is other ink in the picture: only the largest mark and what is near it was read.",)
    steps = (original, grey_step, *light_steps, *ink_steps, *form_steps, contrast_step)
    return Prepared(pixels, steps, polarity, (left, top, right, bottom), notes)


def _grey(picture: Picture) -> tuple[np.ndarray, Step]:
    colour, paper_note = ink.composite(picture.rgb, picture.alpha)
    grey, note = ink.grey_of(colour)
    return grey, Step("grey", "Grey", f"{paper_note} {note}".strip(), _shown(grey))


def _light(grey: np.ndarray, options: Preparation) -> tuple[np.ndarray, bool, list[Step]]:
    """Even light, then ink light on black: the ink (H, W), whether it was dark, and the two steps."""
    dark = ink.is_dark_ink(grey) if options.invert == "auto" else options.invert == "yes"
    values = 1.0 - grey if dark else grey
    flat, unevenness = ink.flattened(values) if options.background else (None, 0.0)
    if flat is None:
        note = "The light is even: nothing to do." if options.background else OFF
        paper = ink.border_level(values)
        flat = np.clip(values - paper, 0.0, 1.0)
    else:
        note = f"The paper's brightness varied by {unevenness:.0%} of the whole range: evened out."
    # to be shown before the polarity's step, so in the picture's own polarity
    light = Step("background", "Even light", note, _shown(1.0 - flat if dark else flat), "evened" in note)
    how = "" if options.invert == "auto" else " (as you chose)"
    polarity = f"Dark ink on light paper: turned over{how}." if dark else f"Light ink on dark already{how}."
    return flat, dark, [light, Step("polarity", "Light on black", polarity, _shown(flat), dark)]


def _ink(even: np.ndarray, options: Preparation) -> tuple[np.ndarray, int, list[Step]]:
    """Strokes without paper, specks and other marks: ink (H, W), how many marks were left out, and the two steps."""
    strokes = ink.strokes_of(even, one_digit=options.specks)
    if strokes is None:
        raise PictureError("No ink found in this picture: draw or photograph one digit that stands out from its paper.")
    clean = ink.full_ink(even, strokes, contrast=options.contrast)
    note = f"All that is more than {strokes.level:.0%} ink counts as a stroke (Otsu's threshold)."
    found = Step("ink", "Find the ink", note, _shown(strokes.everything))
    gone = int(strokes.everything.sum()) - int(strokes.mask.sum())
    note = f"{gone:,} pixels of specks and other marks left out." if gone else "None found."
    specks = Step("specks", "Leave out specks", note if options.specks else OFF, _shown(clean), gone > 0)
    return clean, strokes.left_out, [found, specks]


def _formed(
    clean: np.ndarray, where: tuple[slice, slice], size: tuple[int, int], options: Preparation
) -> tuple[np.ndarray, list[Step]]:
    """The digit at ``where``, cut out, with MNIST's strokes, in its box, in the field's middle: ink of ``size``."""
    box = round(min(size) * 20 / 28) if options.crop else min(size)
    ready = options.crop and clean.shape == size and form.is_placed(clean, box)
    digit = clean[where]
    crop_note = f"{_pixels_note(digit)} of ink." if options.crop else OFF
    steps = [Step("crop", "Cut out", crop_note, _shown(digit), options.crop)]

    digit, stroke_note = (digit, READY) if ready else _stroked(digit, box, options)
    steps.append(Step("stroke", "Stroke width", stroke_note, _shown(digit), "made" in stroke_note))

    digit = digit if ready else form.fitted(digit, box)
    scale_note = READY if ready else f"Longer side {box} pixels, the other in proportion, each pixel an average."
    steps.append(Step("scale", f"Into {box} × {box}", scale_note, _shown(digit), not ready))

    field = clean if ready else form.placed(digit, *size, by_mass=options.centre)
    centre_note = READY if ready else "The ink's centre of mass is in the middle."
    title = f"Centre in {size[1]} × {size[0]}"
    steps.append(Step("centre", title, centre_note if options.centre else OFF, _shown(field), not ready))
    return field, steps


def _stroked(digit: np.ndarray, box: int, options: Preparation) -> tuple[np.ndarray, str]:
    """The digit with strokes of MNIST's width once it is scaled into its box, and a note."""
    if not options.stroke:
        return digit, OFF
    stroked, before, after = form.with_usual_strokes(digit, box)
    if before == after:
        return digit, f"{before:.1f} pixels wide once scaled, as in MNIST: nothing to do."
    # The margin for strokes that have grown: cut off again, or, where nothing is cut out, all round as it was added.
    margin = form.MARGIN
    stroked = stroked[ink.bounds(stroked > _OUTLINE)] if options.crop else stroked[margin:-margin, margin:-margin]
    return stroked, f"{before:.1f} pixels wide once scaled: made {after:.1f}, as in MNIST."


def _contrasted(field: np.ndarray, options: Preparation) -> tuple[np.ndarray, Step]:
    """Ink (H, W) to uint8, its peak 255, and the step."""
    peak = float(field.max())
    pixels = np.rint(field * (255.0 / peak if options.contrast else 255.0)).astype(np.uint8)
    note = f"The lightest pixel, {peak * 255:.0f}, becomes 255." if options.contrast else OFF
    return pixels, Step("contrast", "Full contrast", note, _shown(pixels), options.contrast and peak < 1.0)


def _wrapped(pixels: np.ndarray) -> Picture:
    """uint8 (H, W) or (H, W, 3), a drawing or a data set's digit, as a picture."""
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise ValueError(f"expected uint8 (H, W) or (H, W, 3), got {pixels.dtype} {pixels.shape}")
    rgb = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    return Picture(rgb, size=(rgb.shape[1], rgb.shape[0]))


def _shown(image: np.ndarray) -> np.ndarray:
    """uint8, at most ``_SHOWN`` pixels a side: bool and float pictures from 0..1."""
    factor = -(-max(image.shape[:2]) // _SHOWN)
    values = image if image.dtype == np.uint8 else np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.asarray(Image.fromarray(values).reduce(factor)) if factor > 1 else values


def _pixels_note(image: np.ndarray) -> str:
    return f"{image.shape[1]:,} × {image.shape[0]:,} pixels"
