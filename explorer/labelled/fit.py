"""One picture to one image of a data set: grey, of the data set's size."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from explorer.digits import SHAPE, Picture, ink, prepare

Fit = Literal["whole", "mark"]

FITS: dict[Fit, str] = {"whole": "all of it", "mark": "its mark alone"}
"""What of a picture becomes the image: all of it, its proportions kept; or the largest mark, light on black, in a box
of 20 / 28 of the side with its mass in the middle, as *Your digits* prepares what is drawn there."""


def fitted(picture: Picture, fit: Fit) -> np.ndarray:
    """A decoded picture as uint8 (H, W) of MNIST's size. Raises PictureError where a mark is sought in vain."""
    if fit == "mark":
        return prepare(picture).pixels
    opaque, _ = ink.composite(picture.rgb, picture.alpha)
    return scaled(grey(opaque))


def grey(rgb: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3) → (h, w): luminance, as Pillow weighs the colours (ITU-R BT.601)."""
    return np.asarray(Image.fromarray(rgb).convert("L"))


def scaled(image: np.ndarray) -> np.ndarray:
    """uint8 (h, w) of any size → (H, W) of MNIST's size: its longer side fills the field, and beside it the border's
    most frequent grey goes on. Interpolated as torchvision's Resize does, bilinear and smoothed where it shrinks."""
    height, width = SHAPE[1:]
    if image.shape == (height, width):
        return image
    ratio = min(height / image.shape[0], width / image.shape[1])
    size = (max(1, round(image.shape[1] * ratio)), max(1, round(image.shape[0] * ratio)))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    field = np.full((height, width), np.bincount(border(small)).argmax(), dtype=np.uint8)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    field[top : top + small.shape[0], left : left + small.shape[1]] = small
    return field


def border(images: np.ndarray) -> np.ndarray:
    """The outermost pixels of (…, h, w), as one row."""
    edges = (images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1])
    return np.concatenate([edge.ravel() for edge in edges])
