"""Pictures that show no digit, as files: letters, signs, scribbles, boxes empty and crossed out, faces, things.

Each kind is a function (rng) → file's bytes. Everything is drawn from the generator given, so the same seed makes the
same files. Letters that are written like a digit (o, l, I, s, z, …) are left out: of them nobody could tell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pictures
import skimage.data
from PIL import Image, ImageDraw, ImageFont
from scipy import interpolate, ndimage

Kind = Callable[[np.random.Generator], bytes]

LETTERS = "ACDEFGHJKLMNPRTUVWXYadefhkmnrtuvwxy"
SIGNS = "#&@%?=+*$€§"
_SIDE = 300


def _paper(ink: np.ndarray, rng: np.random.Generator) -> bytes:
    """Ink (H, W) in 0..1 on paper, photographed, or as a drawing program saves it."""
    if rng.random() < 0.3:
        return pictures.saved(pictures.coloured(ink, pictures.BLACK, pictures.WHITE))
    colours = pictures.coloured(ink, pictures._any(rng, pictures.INKS), pictures._any(rng, pictures.PAPERS))
    photo = pictures.lit(colours, rng, strength=rng.uniform(0.0, 0.4))
    return pictures.saved(pictures.grainy(photo, rng, noise=0.02, blur=0.8), "JPEG", quality=80)


@cache
def fonts(folders: tuple[str, ...] = pictures.FONT_FOLDERS) -> tuple[str, ...]:
    """The text fonts in these folders."""
    return tuple(str(file) for file in pictures.font_files(folders))


def _character(characters: str, rng: np.random.Generator) -> bytes:
    files = fonts()
    font = ImageFont.truetype(files[int(rng.integers(len(files)))], pictures.GLYPH)
    image = Image.new("L", (3 * pictures.GLYPH, 3 * pictures.GLYPH))
    text = characters[int(rng.integers(len(characters)))]
    ImageDraw.Draw(image).text((pictures.GLYPH, pictures.GLYPH // 2), text, fill=255, font=font)
    shape = pictures.cut(np.asarray(image) > 127)
    if rng.random() < 0.7:
        shape = pictures.with_pen(shape, rng.uniform(0.05, 0.13))
    return _paper(pictures.laid(shape, (400, 500), rng.uniform(150, 350), rng.uniform(-8, 8), rng), rng)


def letter(rng: np.random.Generator) -> bytes:
    """A letter of a font, mostly drawn again with a pen."""
    return _character(LETTERS, rng)


def sign(rng: np.random.Generator) -> bytes:
    """A sign such as # or &, likewise."""
    return _character(SIGNS, rng)


def _stroked(lines: list[np.ndarray], width: float) -> np.ndarray:
    """Ink (_SIDE, _SIDE) of lines (points, 2) in 0..1, as x and y, with a pen ``width`` pixels wide."""
    image = Image.new("L", (4 * _SIDE, 4 * _SIDE))
    draw = ImageDraw.Draw(image)
    for line in lines:
        points = [tuple(point) for point in line * 4 * _SIDE]
        draw.line(points, fill=255, width=round(4 * width), joint="curve")
    return np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=np.float32) / 255.0


def scribble(rng: np.random.Generator) -> bytes:
    """A curve through eight to twenty places at random, as a pen that strays."""
    count = int(rng.integers(8, 21))
    places = rng.uniform(0.15, 0.85, (count, 2))
    knots = np.arange(count)
    fine = np.linspace(0, count - 1, 30 * count)
    curve = np.clip(interpolate.CubicSpline(knots, places)(fine), 0.03, 0.97)
    return _paper(_stroked([curve], rng.uniform(6, 18)), rng)


def hatching(rng: np.random.Generator) -> bytes:
    """To and fro, as one blackens a place."""
    count = int(rng.integers(5, 12))
    y = np.linspace(0.2, 0.8, 2 * count) + rng.normal(0, 0.01, 2 * count)
    x = np.where(np.arange(2 * count) % 2, 0.8, 0.2) + rng.normal(0, 0.03, 2 * count)
    return _paper(_stroked([np.stack([x, y], axis=1)], rng.uniform(6, 16)), rng)


def _frame(rng: np.random.Generator) -> np.ndarray:
    left, top = rng.uniform(0.1, 0.25, 2)
    right, bottom = rng.uniform(0.75, 0.9, 2)
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top), (right, top)])
    return corners + rng.normal(0, 0.006, corners.shape)


def empty_box(rng: np.random.Generator) -> bytes:
    """A box of a form that nobody filled in."""
    return _paper(_stroked([_frame(rng)], rng.uniform(3, 12)), rng)


def crossed_box(rng: np.random.Generator) -> bytes:
    """A box with a cross in it."""
    frame = _frame(rng)
    lines = [frame, frame[[0, 2]], frame[[1, 3]]]
    return _paper(_stroked(lines, rng.uniform(3, 12)), rng)


def cross(rng: np.random.Generator) -> bytes:
    """A cross or a tick without a box."""
    at = rng.normal(0, 0.03, (6, 2))
    crossed = [np.array([(0.2, 0.2), (0.8, 0.8)]) + at[:2], np.array([(0.8, 0.2), (0.2, 0.8)]) + at[2:4]]
    ticked = [np.array([(0.2, 0.5), (0.42, 0.78), (0.85, 0.15)]) + at[:3]]
    return _paper(_stroked(crossed if rng.random() < 0.6 else ticked, rng.uniform(6, 20)), rng)


@cache
def _faces() -> np.ndarray:
    """The 100 faces of scikit-image's small part of Labeled Faces in the Wild, float (100, 25, 25)."""
    return np.asarray(skimage.data.lfw_subset()[:100])


def face(rng: np.random.Generator) -> bytes:
    """A photographed face."""
    pixels = _faces()[int(rng.integers(100))]
    large = Image.fromarray((255 * pixels).astype(np.uint8)).resize((200, 200), Image.Resampling.BICUBIC)
    return pictures.saved(np.repeat(np.asarray(large)[..., None], 3, axis=2) / 255.0, "JPEG", quality=85)


def thing(rng: np.random.Generator) -> bytes:
    """A square of a photograph: people, a cat, coins, bricks, a rocket."""
    sources = ("astronaut", "camera", "coffee", "chelsea", "coins", "rocket", "brick", "grass", "page")
    photo = np.asarray(getattr(skimage.data, sources[int(rng.integers(len(sources)))])()) / 255.0
    photo = np.repeat(photo[..., None], 3, axis=2) if photo.ndim == 2 else photo
    side = int(rng.integers(80, min(photo.shape[:2]) - 1))
    top, left = (int(rng.integers(0, size - side)) for size in photo.shape[:2])
    return pictures.saved(photo[top : top + side, left : left + side], "JPEG", quality=85)


def clothes(rng: np.random.Generator) -> bytes:
    """A picture of Fashion-MNIST. Raises DataError where its files are not here."""
    images = _clothes()
    pixels = images[int(rng.integers(len(images)))]
    large = ndimage.zoom(pixels / 255.0, 8, order=1)
    return pictures.saved(np.repeat(large[..., None], 3, axis=2))


@cache
def _clothes() -> np.ndarray:
    from explorer.data import load

    return np.asarray(load("fashion_mnist").test.pixels[:, 0])


def blank(rng: np.random.Generator) -> bytes:
    """Paper with nothing on it."""
    return _paper(np.zeros((400, 500), dtype=np.float32), rng)


KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        letter,
        sign,
        scribble,
        hatching,
        empty_box,
        crossed_box,
        cross,
        face,
        thing,
        clothes,
        blank,
    )
}
