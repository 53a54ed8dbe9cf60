"""Pictures of digits as people make them: MNIST's test digits and fonts, drawn with pens and photographed, as files.

Each scene is a function (glyph, rng) → file's bytes. A glyph is float32 (S, S), 1 where the digit is, cut out and
S pixels on the longer side. Everything is drawn from the generator given, so the same seed makes the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage.morphology import skeletonize

Scene = Callable[[np.ndarray, np.random.Generator], bytes]

GLYPH = 240
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "C:/Windows/Fonts")
_NO_TEXT = ("math", "symbol", "emoji", "icon", "dingbat")


def glyph(pixels: np.ndarray) -> np.ndarray:
    """An MNIST digit, uint8 (28, 28), enlarged to a smooth outline and cut out."""
    large = Image.fromarray(pixels).resize((28 * 12, 28 * 12), Image.Resampling.BICUBIC)
    smooth = ndimage.gaussian_filter(np.asarray(large, dtype=np.float32) / 255.0, 3.0)
    return cut(smooth > 0.45)


def font_files(folders: tuple[str, ...] = FONT_FOLDERS) -> list[Path]:
    """The text fonts in these folders."""
    files = (file for folder in folders for kind in ("ttf", "otf", "woff") for file in Path(folder).rglob(f"*.{kind}"))
    return sorted(file for file in files if not any(word in file.stem.lower() for word in _NO_TEXT))


def font_glyphs(folders: tuple[str, ...] = FONT_FOLDERS) -> Iterator[tuple[str, int, np.ndarray]]:
    """(font, digit, glyph) for every text font found in these folders."""
    for file in font_files(folders):
        font = ImageFont.truetype(str(file), GLYPH)
        for digit in range(10):
            image = Image.new("L", (3 * GLYPH, 3 * GLYPH))
            ImageDraw.Draw(image).text((GLYPH, GLYPH // 2), str(digit), fill=255, font=font)
            yield file.stem, digit, cut(np.asarray(image) > 127)


def cut(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = GLYPH / max(cut.shape)
    size = tuple(max(1, round(side * scale)) for side in reversed(cut.shape))
    return np.asarray(Image.fromarray(cut.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))


def with_pen(shape: np.ndarray, width: float) -> np.ndarray:
    """The glyph drawn again along its middle line with a round pen ``width`` of the glyph's height wide."""
    radius = width * GLYPH / 2
    line = np.pad(skeletonize(shape > 0.5), int(radius) + 2)
    distance = ndimage.distance_transform_edt(~line)
    return np.clip(radius - distance + 0.5, 0.0, 1.0).astype(np.float32)


def laid(
    shape: np.ndarray,
    size: tuple[int, int],
    height: float,
    angle: float,
    rng: np.random.Generator,
    *,
    middle: bool = False,
) -> np.ndarray:
    """Ink (H, W) in 0..1: the glyph turned by ``angle`` degrees, ``height`` pixels high, somewhere on ``size``."""
    turned = Image.fromarray(shape).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    scale = height / max(turned.size)
    turned = turned.resize(
        tuple(max(2, round(side * scale)) for side in turned.size),
        Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC,
    )
    ink = np.zeros(size, dtype=np.float32)
    room = [size[0] - turned.height, size[1] - turned.width]
    top, left = (r // 2 if middle else int(rng.integers(round(0.06 * r), max(round(0.94 * r), 1) + 1)) for r in room)
    ink[top : top + turned.height, left : left + turned.width] = np.clip(np.asarray(turned), 0, 1)
    return ink


def coloured(ink: np.ndarray, ink_colour: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """(H, W) ink to float (H, W, 3) in 0..1; ``paper`` is one colour or a picture."""
    return ink[..., None] * ink_colour + (1.0 - ink[..., None]) * paper


def lit(colour: np.ndarray, rng: np.random.Generator, *, strength: float, edge: bool = False) -> np.ndarray:
    """Falling light from one side, or (``edge``) the sharp shadow of a hand or a phone over part of the picture."""
    height, width = colour.shape[:2]
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    if edge:
        softness = rng.uniform(0.005, 0.05)
        along = 1.0 / (1.0 + np.exp(-(along - rng.uniform(-0.25, 0.25)) / softness)) - 0.5
    return colour * (1.0 - strength * (along - along.min()) / np.ptp(along))[..., None]


def grainy(colour: np.ndarray, rng: np.random.Generator, *, noise: float, blur: float = 0.0) -> np.ndarray:
    """Blur in pixels, then a sensor's noise (standard deviation in 0..1)."""
    out = ndimage.gaussian_filter(colour, (blur, blur, 0)) if blur else colour
    return out + rng.normal(0.0, noise, out.shape)


def saved(colour: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    """float (H, W, 3 or 4) in 0..1 as a file."""
    buffer = BytesIO()
    Image.fromarray(np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8)).save(buffer, kind, **options)
    return buffer.getvalue()


# --- scenes ---------------------------------------------------------------------------------------------------------

WHITE, BLACK = np.ones(3), np.zeros(3)
INKS = [
    np.array(c) / 255 for c in ((20, 20, 25), (25, 40, 130), (180, 30, 35), (20, 110, 60), (90, 30, 120), (60, 60, 60))
]
PAPERS = [
    np.array(c) / 255 for c in ((255, 255, 255), (245, 240, 225), (230, 235, 240), (250, 245, 170), (225, 205, 180))
]


def _any(rng: np.random.Generator, choices: list[np.ndarray]) -> np.ndarray:
    return choices[int(rng.integers(len(choices)))]


def canvas(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """Drawn with a mouse: black on a white square of 280 pixels, pen 12 to 25."""
    pen = with_pen(shape, rng.uniform(0.06, 0.16))
    ink = laid(pen, (280, 280), rng.uniform(120, 250), rng.uniform(-10, 10), rng)
    return saved(coloured(ink, BLACK, WHITE))


def light_on_dark(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """A blackboard or a dark screen."""
    pen = with_pen(shape, rng.uniform(0.04, 0.15))
    ink = laid(pen, (300, 420), rng.uniform(100, 280), rng.uniform(-10, 10), rng)
    board = _any(rng, [BLACK, np.array([0.12, 0.25, 0.2]), np.array([0.15, 0.15, 0.17]), np.array([0.1, 0.15, 0.35])])
    return saved(
        grainy(coloured(ink, _any(rng, [WHITE, np.array([0.95, 0.9, 0.5])]), board), rng, noise=0.02),
        "JPEG",
        quality=85,
    )


def thin_pen(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """A ballpoint in a large picture: strokes of a hundredth to a twenty-fifth of the digit's height."""
    pen = with_pen(shape, rng.uniform(0.012, 0.04))
    ink = laid(pen, (900, 1200), rng.uniform(350, 700), rng.uniform(-10, 10), rng)
    return saved(
        grainy(coloured(ink, _any(rng, INKS), _any(rng, PAPERS)), rng, noise=0.015, blur=0.7), "JPEG", quality=80
    )


def thick_pen(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """A marker: strokes of a sixth to a quarter of the digit's height."""
    pen = with_pen(shape, rng.uniform(0.16, 0.25))
    ink = laid(pen, (400, 400), rng.uniform(220, 380), rng.uniform(-10, 10), rng)
    return saved(coloured(ink, _any(rng, INKS), _any(rng, PAPERS)), "WebP", quality=80)


def shadow(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """Photographed paper under falling light."""
    pen = with_pen(shape, rng.uniform(0.03, 0.1))
    ink = laid(pen, (480, 640), rng.uniform(150, 400), rng.uniform(-10, 10), rng)
    photo = lit(coloured(ink, _any(rng, INKS), _any(rng, PAPERS)), rng, strength=rng.uniform(0.3, 0.75))
    return saved(grainy(photo, rng, noise=0.02, blur=0.8), "JPEG", quality=75)


def shadow_edge(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """Photographed paper with the shadow of a hand across it."""
    pen = with_pen(shape, rng.uniform(0.03, 0.1))
    ink = laid(pen, (480, 640), rng.uniform(150, 400), rng.uniform(-10, 10), rng)
    photo = lit(coloured(ink, _any(rng, INKS), _any(rng, PAPERS)), rng, strength=rng.uniform(0.2, 0.5), edge=True)
    return saved(grainy(photo, rng, noise=0.02, blur=0.8), "JPEG", quality=75)


def small_in_large(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """A digit of 40 to 90 pixels somewhere in a picture of 1,600 × 1,200."""
    pen = with_pen(shape, rng.uniform(0.06, 0.14))
    ink = laid(pen, (1200, 1600), rng.uniform(40, 90), rng.uniform(-10, 10), rng)
    return saved(
        grainy(coloured(ink, _any(rng, INKS), _any(rng, PAPERS)), rng, noise=0.012, blur=0.6), "JPEG", quality=80
    )


def pencil(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """Faint, grainy strokes."""
    pen = with_pen(shape, rng.uniform(0.03, 0.08))
    ink = laid(pen, (400, 500), rng.uniform(180, 380), rng.uniform(-10, 10), rng)
    ink = ink * np.clip(rng.normal(0.7, 0.35, ink.shape), 0.0, 1.0)
    photo = coloured(ink, np.full(3, rng.uniform(0.35, 0.6)), _any(rng, PAPERS))
    return saved(
        grainy(lit(photo, rng, strength=rng.uniform(0.0, 0.3)), rng, noise=0.015, blur=0.8), "JPEG", quality=80
    )


def low_quality(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """Small, blurred, strongly compressed."""
    pen = with_pen(shape, rng.uniform(0.06, 0.15))
    ink = laid(pen, (64, 64), rng.uniform(28, 56), rng.uniform(-10, 10), rng)
    photo = grainy(coloured(ink, _any(rng, INKS), _any(rng, PAPERS)), rng, noise=0.03, blur=1.0)
    return saved(photo, "JPEG", quality=int(rng.integers(20, 50)))


def transparent(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """Ink on nothing, black or white: a drawing program's PNG."""
    pen = with_pen(shape, rng.uniform(0.05, 0.15))
    ink = laid(pen, (256, 256), rng.uniform(120, 240), rng.uniform(-10, 10), rng)
    colour = np.broadcast_to(_any(rng, [WHITE, BLACK, INKS[1]]), (*ink.shape, 3))
    return saved(np.concatenate([colour, ink[..., None]], axis=2))


def tight(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """Cut out to the ink, no margin, either polarity."""
    pen = with_pen(shape, rng.uniform(0.05, 0.15))
    rows, columns = np.flatnonzero(pen.max(axis=1) > 0), np.flatnonzero(pen.max(axis=0) > 0)
    ink = pen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    colours = (BLACK, WHITE) if rng.random() < 0.5 else (WHITE, BLACK)
    return saved(coloured(ink, *colours), "BMP")


def as_written(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """The glyph's own strokes, photographed: paper, ink, a little of everything."""
    ink = laid(shape, (480, 640), rng.uniform(150, 400), rng.uniform(-8, 8), rng)
    photo = lit(coloured(ink, _any(rng, INKS), _any(rng, PAPERS)), rng, strength=rng.uniform(0.0, 0.4))
    return saved(grainy(photo, rng, noise=0.02, blur=1.0), "JPEG", quality=75)


def _photo(ink: np.ndarray, paper: np.ndarray, rng: np.random.Generator) -> bytes:
    photo = lit(coloured(ink, _any(rng, INKS), paper), rng, strength=rng.uniform(0.0, 0.4))
    return saved(grainy(photo, rng, noise=0.02, blur=0.8), "JPEG", quality=80)


def _lines(size: tuple[int, int], rng: np.random.Generator, *, across: bool) -> np.ndarray:
    """Ruling, (H, W) in 0..1: lines one to two pixels wide, 50 to 90 apart, ``across`` in both directions."""
    gap, width, first = int(rng.integers(50, 90)), int(rng.integers(1, 3)), int(rng.integers(0, 50))
    lines = np.zeros(size)
    lines[(np.arange(size[0]) - first) % gap < width] = 1.0
    if across:
        lines[:, (np.arange(size[1]) - first) % gap < width] = 1.0
    return lines[..., None]


def _on_lines(shape: np.ndarray, rng: np.random.Generator, *, across: bool) -> bytes:
    size = (480, 640)
    ink = laid(with_pen(shape, rng.uniform(0.04, 0.1)), size, rng.uniform(150, 350), rng.uniform(-8, 8), rng)
    line = _any(rng, [np.array([0.6, 0.75, 0.9]), np.array([0.75, 0.75, 0.75]), np.array([0.9, 0.7, 0.7])])
    lines = _lines(size, rng, across=across)
    return _photo(ink, lines * line + (1.0 - lines) * _any(rng, PAPERS[:3]), rng)


def ruled(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """Written over several lines of ruled paper."""
    return _on_lines(shape, rng, across=False)


def squared(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """Written over several squares of squared paper."""
    return _on_lines(shape, rng, across=True)


def on_a_table(shape: np.ndarray, rng: np.random.Generator) -> bytes:
    """A sheet whose edge is in the picture, with the table beyond it, dark or light."""
    size = (480, 640)
    y, x = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    beyond = (x * np.cos(angle) + y * np.sin(angle) > rng.uniform(0.75, 0.9))[..., None]
    table = _any(rng, [np.array([0.35, 0.22, 0.12]), np.array([0.15, 0.15, 0.15]), np.array([0.6, 0.5, 0.4])])
    ink = np.zeros(size, dtype=np.float32)
    ink[90:390, 120:520] = laid(
        with_pen(shape, rng.uniform(0.04, 0.1)), (300, 400), rng.uniform(150, 280), rng.uniform(-8, 8), rng
    )
    return _photo(ink, np.where(beyond, table, _any(rng, PAPERS)), rng)


SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        canvas,
        as_written,
        thin_pen,
        thick_pen,
        pencil,
        shadow,
        shadow_edge,
        light_on_dark,
        small_in_large,
        low_quality,
        transparent,
        tight,
        ruled,
        squared,
        on_a_table,
    )
}
