"""One picture of one digit to MNIST's form, each step named, visible and able to be switched off.

A network with 99 % on MNIST fails on digits that do not look like MNIST's: dark on light, off-centre, thin strokes in a
large picture. Here a picture is prepared as MNIST's makers prepared theirs. A picture that is in that form already
comes out as it went in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
TITLES = {
    "picture": "Your picture",
    "upright": "Turn upright",
    "transparency": "Paper behind",
    "grey": "Grey",
    "background": "Even light",
    "polarity": "Light on black",
    "ink": "Find the ink",
    "specks": "Leave out specks",
    "crop": "Cut out",
    "stroke": "Stroke width",
    "proportions": "Scale to the box",
    "smooth": "Soft edges",
    "centre": "Centre by mass",
    "contrast": "Full contrast",
}
FORMING = (
    "ink",
    "specks",
    "crop",
    "stroke",
    "proportions",
    "smooth",
    "centre",
)  # what a picture in MNIST's form doesn't need
_OUTLINE = 0.1  # share of the fullest ink from which a pixel counts as the digit's
_SHOWN = 256  # pixels on the longer side of a step's picture: for the eye


@dataclass(frozen=True)
class Preparation:
    """Which steps are taken. ``invert``: 'yes' where ink is darker than paper, 'no' where it is lighter; without
    ``polarity`` dark ink stays dark on light, to the end."""

    upright: bool = True
    transparency: bool = True
    background: bool = True
    polarity: bool = True
    invert: Literal["auto", "yes", "no"] = "auto"
    specks: bool = True
    crop: bool = True
    stroke: bool = True
    proportions: bool = True
    smooth: bool = True
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
    picture, begun = _laid(picture, options)
    opaque, transparency_step = _opaque(picture, options)
    grey, grey_step = _grey(opaque)
    even, dark, light_steps = _light(grey, options)
    size = shape[1:]
    box = round(min(size) * 20 / 28) if options.crop else min(size)
    if options.crop and even.shape == size and form.is_placed(even, box):
        field, where, left_out = even, ink.bounds(even > 0), 0
        steps = [_step(name, READY, even, False) for name in FORMING]
    else:
        clean, left_out, ink_steps = _ink(even, options)
        where = ink.bounds(clean > _OUTLINE * clean.max()) if options.crop else _all_of(clean)
        field, form_steps = _formed(clean[where], size, box, options)
        steps = [*ink_steps, *form_steps]
    pixels, contrast_step = _contrasted(field, options)
    steps.append(contrast_step)
    if dark and not options.polarity:  # all other steps work on light ink, so it is turned back for what is seen
        steps = [replace(step, image=255 - step.image) for step in steps]
        pixels = 255 - pixels

    polarity: Polarity = "dark on light" if dark else "light on dark"
    rows, columns = where
    corners = (columns.start, rows.start, columns.stop, rows.stop)
    left, top, right, bottom = (round(corner * picture.factor) for corner in corners)
    notes = picture.notes
    if left_out:
        notes += ("There is other ink in the picture: only the largest mark and what is near it was read.",)
    all_steps = (*begun, transparency_step, grey_step, *light_steps, *steps)
    return Prepared(pixels, all_steps, polarity, (left, top, right, bottom), notes)


def _laid(picture: Picture, options: Preparation) -> tuple[Picture, list[Step]]:
    """The picture upright, or as it lies in the file, and the first two steps."""
    lying = picture.as_it_lies()
    if picture.orientation == 1:
        note = "Upright already: nothing to do."
    else:
        note = f"Turned as the file says (orientation {picture.orientation})." if options.upright else OFF
    used = picture if options.upright else lying
    turned = options.upright and picture.orientation != 1
    return used, [
        _step("picture", f"{_pixels_note(lying.rgb)}.", lying.rgb),
        _step("upright", note, used.rgb, turned),
    ]


def _opaque(picture: Picture, options: Preparation) -> tuple[np.ndarray, Step]:
    """uint8 (H, W, 3) without transparency, and the step."""
    if picture.alpha is None:
        return picture.rgb, _step("transparency", "Nothing is transparent: nothing to do.", picture.rgb, False)
    if not options.transparency:
        return picture.rgb, _step("transparency", OFF, picture.rgb, False)
    opaque, note = ink.composite(picture.rgb, picture.alpha)
    return opaque, _step("transparency", note, opaque)


def _grey(opaque: np.ndarray) -> tuple[np.ndarray, Step]:
    grey, note = ink.grey_of(opaque)
    return grey, _step("grey", note, grey)


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
    light = _step("background", note, 1.0 - flat if dark else flat, unevenness > 0)
    how = "" if options.invert == "auto" else " (as you chose)"
    polarity = f"Dark ink on light paper: turned over{how}." if dark else f"Light ink on dark already{how}."
    if not options.polarity:
        return flat, dark, [light, _step("polarity", OFF, 1.0 - flat if dark else flat, False)]
    return flat, dark, [light, _step("polarity", polarity, flat, dark)]


def _ink(even: np.ndarray, options: Preparation) -> tuple[np.ndarray, int, list[Step]]:
    """Strokes without paper, specks and other marks: ink (H, W), how many marks were left out, and the two steps."""
    strokes = ink.strokes_of(even, one_digit=options.specks)
    if strokes is None:
        raise PictureError("No ink found in this picture: draw or photograph one thing that stands out from its paper.")
    clean = ink.full_ink(even, strokes, contrast=options.contrast)
    note = f"All that is more than {strokes.level:.0%} ink counts as a stroke (Otsu's threshold)."
    found = _step("ink", note, strokes.everything)
    gone = int(strokes.everything.sum()) - int(strokes.mask.sum())
    note = f"{gone:,} pixels of specks and other marks left out." if gone else "None found."
    return clean, strokes.left_out, [found, _step("specks", note if options.specks else OFF, clean, gone > 0)]


def _formed(digit: np.ndarray, size: tuple[int, int], box: int, options: Preparation) -> tuple[np.ndarray, list[Step]]:
    """The digit, cut out, to MNIST's strokes, into its box, to the middle of a field of ``size``; and the steps."""
    crop = _step("crop", f"{_pixels_note(digit)} of ink." if options.crop else OFF, digit, options.crop)
    stroked, note = _stroked(digit, box, options)
    stroke = _step("stroke", note, stroked, stroked is not digit)
    hard = form.fitted(stroked, box, proportions=options.proportions, smooth=False)
    note = f"The longer side {box} pixels, the other in proportion." if options.proportions else OFF
    scale = _step("proportions", note, hard, options.proportions)
    small = form.fitted(stroked, box, proportions=options.proportions) if options.smooth else hard
    note = "Each pixel the average of those that it covers, as MNIST's greys are." if options.smooth else OFF
    smooth = _step("smooth", note, small, options.smooth)
    field = form.placed(small, *size, by_mass=options.centre)
    note = f"The ink's centre of mass to the middle of {size[1]} × {size[0]} pixels." if options.centre else OFF
    return field, [crop, stroke, scale, smooth, _step("centre", note, field, options.centre)]


def _all_of(image: np.ndarray) -> tuple[slice, slice]:
    return slice(0, image.shape[0]), slice(0, image.shape[1])


def _step(name: str, note: str, image: np.ndarray, changed: bool = True) -> Step:
    return Step(name, TITLES[name], note, _shown(image), changed)


def _stroked(digit: np.ndarray, box: int, options: Preparation) -> tuple[np.ndarray, str]:
    """The digit with strokes of MNIST's width once it is scaled into its box, and a note."""
    if not options.stroke:
        return digit, OFF
    stroked, before, after = form.with_usual_strokes(digit, box)
    if before == after:
        return digit, f"{before:.1f} pixels wide once scaled, as in MNIST: nothing to do."
    inner = slice(form.MARGIN, -form.MARGIN)  # without cutting out, the margin goes and the picture's place stays
    stroked = stroked[ink.bounds(stroked > _OUTLINE) if options.crop else (inner, inner)]
    return stroked, f"{before:.1f} pixels wide once scaled: made {after:.1f}, as in MNIST."


def _contrasted(field: np.ndarray, options: Preparation) -> tuple[np.ndarray, Step]:
    """Ink (H, W) to uint8, its peak 255, and the step. Raises PictureError where no ink is left."""
    peak = float(field.max())
    if peak == 0:
        raise PictureError("No ink is left at this size: switch 'Soft edges' or 'Cut out' on again.")
    pixels = np.rint(field * (255.0 / peak if options.contrast else 255.0)).astype(np.uint8)
    note = f"The lightest pixel, {peak * 255:.0f}, becomes 255." if options.contrast else OFF
    return pixels, _step("contrast", note, pixels, options.contrast and peak < 1.0)


def _wrapped(pixels: np.ndarray) -> Picture:
    """uint8 (H, W) or (H, W, 3), a drawing or a data set's digit, as a picture."""
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise ValueError(f"expected uint8 (H, W) or (H, W, 3), got {pixels.dtype} {pixels.shape}")
    rgb = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    return Picture(rgb, size=(rgb.shape[1], rgb.shape[0]))


def _shown(image: np.ndarray) -> np.ndarray:
    """uint8, at most ``_SHOWN`` pixels a side: bool and float pictures from 0..1."""
    factor = -(-max(image.shape[:2]) // _SHOWN)
    image = image.view(np.uint8) * np.uint8(255) if image.dtype == bool else image
    if factor > 1:  # first, for large pictures in floats are what takes most memory
        image = np.asarray(Image.fromarray(image).reduce(factor))
    return image if image.dtype == np.uint8 else np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def _pixels_note(image: np.ndarray) -> str:
    return f"{image.shape[1]:,} × {image.shape[0]:,} pixels"
