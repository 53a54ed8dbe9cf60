"""Pictures of sheets with several digits, as people photograph them, with where each digit is: for the bench.

A family is a function (glyphs, rng) → Sheet; see :mod:`pictures` for glyphs. The same seed makes the same sheets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from pictures import INKS, PAPERS, _any, coloured, grainy, lit, saved, with_pen
from PIL import Image, ImageDraw, ImageFont
from skimage.transform import ProjectiveTransform


@dataclass(frozen=True)
class Sheet:
    """A file's bytes, its digits' boxes, float (N, 4): left, top, right, bottom, in reading order, and which of the
    glyphs they are."""

    data: bytes
    boxes: np.ndarray
    numbers: tuple[int, ...]


Family = Callable[[Sequence[np.ndarray], np.random.Generator], Sheet]


@dataclass
class Desk:
    """A sheet while it is written: ink and lines in 0..1, (H, W), and the boxes so far."""

    size: tuple[int, int]
    ink: np.ndarray = field(init=False)
    lines: np.ndarray = field(init=False)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ink = np.zeros(self.size, dtype=np.float32)
        self.lines = np.zeros(self.size, dtype=np.float32)

    def write(self, number: int, shape: np.ndarray, height: float, left: float, middle: float, angle: float) -> float:
        """Glyph ``number``, ``height`` pixels high, from ``left`` on around the row's ``middle``: where it ends."""
        turned = Image.fromarray(shape).rotate(angle, Image.Resampling.BICUBIC, expand=True)
        turned = turned.crop(Image.fromarray(np.asarray(turned) > 0.3).getbbox())
        scale = height / turned.height
        width, height = max(2, round(turned.width * scale)), max(2, round(height))
        small = np.clip(np.asarray(turned.resize((width, height), Image.Resampling.BOX)), 0.0, 1.0)
        x, y = round(left), round(middle - height / 2)
        x, y = min(max(x, 0), self.size[1] - width), min(max(y, 0), self.size[0] - height)
        part = self.ink[y : y + height, x : x + width]
        np.maximum(part, small, out=part)
        self.boxes.append((x, y, x + width, y + height))
        self.numbers.append(number)
        return x + width


def _rows(
    desk: Desk,
    glyphs: Sequence[np.ndarray],
    rng: np.random.Generator,
    *,
    pen: tuple[float, float],
    gap: tuple[float, float] = (0.35, 1.2),
    area: tuple[float, float, float, float] = (0.08, 0.08, 0.92, 0.92),
    slope: float = 0.03,
) -> None:
    """Writes the glyphs in rows that fill ``area`` (shares of the sheet); ``gap`` in digit heights between digits."""
    high, wide = desk.size
    left, top, right, bottom = (share * side for share, side in zip(area, (wide, high) * 2, strict=True))
    columns = int(rng.integers(3, 9))
    rows = -(-len(glyphs) // columns)
    pitch = min((bottom - top) / rows, (right - left) / columns * 1.1)
    height = pitch * rng.uniform(0.45, 0.72)
    width = rng.uniform(*pen)
    tilt = rng.uniform(-slope, slope)
    own = rng.random() < 0.4  # MNIST's own strokes instead of a pen's
    for row in range(rows):
        x = left + rng.uniform(0, 0.5) * height
        for number in range(row * columns, min(len(glyphs), (row + 1) * columns)):
            shape = glyphs[number] if own else with_pen(glyphs[number], width)
            middle = top + (row + 0.5) * pitch + tilt * (x - left) + rng.normal(0, 0.05) * height
            end = desk.write(number, shape, height * rng.uniform(0.85, 1.15), x, middle, rng.uniform(-8, 8))
            x = max(end + rng.uniform(*gap) * height, x + 0.25 * height)
            if x > right - height:
                break


def _ruled(desk: Desk, rng: np.random.Generator, *, across: bool, gap: tuple[float, float] = (40, 95)) -> None:
    step, width, first = rng.uniform(*gap), int(rng.integers(1, 4)), rng.uniform(0, 50)
    rows, columns = np.arange(desk.size[0]), np.arange(desk.size[1])
    desk.lines[(rows - first) % step < width] = 1.0
    if across:
        desk.lines[:, (columns - first) % step < width] = 1.0


def _photographed(
    desk: Desk,
    rng: np.random.Generator,
    *,
    paper: np.ndarray,
    ink: np.ndarray,
    line: np.ndarray | None = None,
    table: np.ndarray | None = None,
    bend: float = 0.04,
    light: tuple[float, float] = (0.0, 0.5),
    edge: float = 0.3,
    noise: tuple[float, float] = (0.005, 0.02),
    quality: tuple[int, int] = (60, 92),
) -> Sheet:
    """The sheet under a camera: perspective (corners moved by ``bend`` of the side at most), light, grain, JPEG."""
    high, wide = desk.size
    colour = np.broadcast_to(paper, (high, wide, 3)).astype(np.float32)
    if line is not None:
        colour = coloured(desk.lines, line, colour)
    colour = coloured(desk.ink, ink, colour)
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], dtype=float)
    seen = corners + rng.uniform(-bend, bend, (4, 2)) * (wide, high)
    if table is None:  # the sheet fills the picture
        seen += np.sign(corners - corners.mean(axis=0)) * bend * np.array([wide, high])
    else:
        seen = (seen - corners.mean(axis=0)) * rng.uniform(0.75, 0.9) + corners.mean(axis=0)
    there = ProjectiveTransform.from_estimate(corners, seen)
    back = np.linalg.inv(there.params)
    back /= back[2, 2]
    laid = np.zeros_like(colour)
    for channel in range(3):
        image = Image.fromarray(np.ascontiguousarray(colour[..., channel], dtype=np.float32))
        fill = float((paper.reshape(-1, 3)[0] if table is None else table)[channel])
        laid[..., channel] = image.transform(
            (wide, high), Image.Transform.PERSPECTIVE, back.ravel()[:8], Image.Resampling.BILINEAR, fillcolor=fill
        )
    photo = lit(laid, rng, strength=rng.uniform(*light))
    if rng.random() < edge:
        photo = lit(photo, rng, strength=rng.uniform(0.15, 0.45), edge=True)
    photo = grainy(photo, rng, noise=rng.uniform(*noise), blur=rng.uniform(0.4, 1.2))
    boxes = []
    for x0, y0, x1, y1 in desk.boxes:
        moved = there(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float))
        boxes.append((*moved.min(axis=0), *moved.max(axis=0)))
    return Sheet(saved(photo, "JPEG", quality=int(rng.integers(*quality))), np.array(boxes), tuple(desk.numbers))


LINES = [
    np.array([0.6, 0.75, 0.9]),
    np.array([0.75, 0.75, 0.75]),
    np.array([0.9, 0.7, 0.7]),
    np.array([0.55, 0.6, 0.8]),
]
TABLES = [np.array([0.35, 0.22, 0.12]), np.array([0.15, 0.15, 0.15]), np.array([0.6, 0.5, 0.4])]
SIZES = [(1200, 1600), (1600, 1200), (900, 1200), (1500, 2000)]


def _desk(rng: np.random.Generator) -> Desk:
    return Desk(SIZES[int(rng.integers(len(SIZES)))])


def plain(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """Plain paper, pens thin and thick."""
    desk = _desk(rng)
    _rows(desk, glyphs, rng, pen=(0.03, 0.16))
    return _photographed(desk, rng, paper=_any(rng, PAPERS), ink=_any(rng, INKS))


def ruled(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """Ruled paper, written without much regard to its lines."""
    desk = _desk(rng)
    _ruled(desk, rng, across=False)
    _rows(desk, glyphs, rng, pen=(0.04, 0.12))
    return _photographed(desk, rng, paper=_any(rng, PAPERS[:3]), ink=_any(rng, INKS), line=_any(rng, LINES))


def squared(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """Squared paper."""
    desk = _desk(rng)
    _ruled(desk, rng, across=True, gap=(30, 80))
    _rows(desk, glyphs, rng, pen=(0.04, 0.12))
    return _photographed(desk, rng, paper=_any(rng, PAPERS[:3]), ink=_any(rng, INKS), line=_any(rng, LINES))


def dark_lines(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """A grid as dark as the ink."""
    desk = _desk(rng)
    _ruled(desk, rng, across=rng.random() < 0.5, gap=(60, 140))
    _rows(desk, glyphs, rng, pen=(0.06, 0.14))
    ink = _any(rng, INKS)
    return _photographed(desk, rng, paper=_any(rng, PAPERS[:3]), ink=ink, line=0.7 * ink + 0.1)


def boxes(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """A form's strips of boxes, one digit in each, printed dark; some digits touch their box."""
    desk = Desk((1000, 1600))
    side, per_row = int(rng.integers(110, 150)), int(rng.integers(6, 11))
    apart = 0 if rng.random() < 0.6 else int(rng.integers(10, 30))
    thick = int(rng.integers(2, 6))
    pen, own = rng.uniform(0.05, 0.12), rng.random() < 0.4
    for number, shape in enumerate(glyphs):
        row, column = divmod(number, per_row)
        top, left = 100 + row * round(1.6 * side), 120 + column * (side + apart)
        if top + side > 950:
            break
        desk.lines[top : top + thick, left : left + side + thick] = 1.0
        desk.lines[top + side : top + side + thick, left : left + side + thick] = 1.0
        desk.lines[top : top + side + thick, left : left + thick] = 1.0
        desk.lines[top : top + side + thick, left + side : left + side + thick] = 1.0
        height = side * rng.uniform(0.5, 0.92)
        drawn = shape if own else with_pen(shape, pen)
        width = height * drawn.shape[1] / drawn.shape[0]
        x = left + (side - width) / 2 + rng.normal(0, 0.05) * side
        desk.write(number, drawn, height, x, top + side / 2 + rng.normal(0, 0.04) * side, rng.uniform(-8, 8))
    return _photographed(
        desk, rng, paper=_any(rng, PAPERS[:3]), ink=_any(rng, INKS), line=np.full(3, rng.uniform(0.1, 0.5))
    )


def board(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """Chalk on a board, or a dark screen."""
    desk = _desk(rng)
    _rows(desk, glyphs, rng, pen=(0.05, 0.14))
    dark = _any(rng, [np.array([0.05, 0.05, 0.06]), np.array([0.12, 0.25, 0.2]), np.array([0.15, 0.15, 0.17])])
    return _photographed(desk, rng, paper=dark, ink=_any(rng, [np.full(3, 0.95), np.array([0.95, 0.9, 0.5])]), edge=0.0)


def touching(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """Written close: many neighbours touch."""
    desk = _desk(rng)
    _rows(desk, glyphs, rng, pen=(0.06, 0.12), gap=(-0.06, 0.2))
    return _photographed(desk, rng, paper=_any(rng, PAPERS), ink=_any(rng, INKS))


def on_a_table(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """A sheet with the table around it, in perspective."""
    desk = _desk(rng)
    _rows(desk, glyphs, rng, pen=(0.04, 0.12))
    return _photographed(desk, rng, paper=_any(rng, PAPERS), ink=_any(rng, INKS), table=_any(rng, TABLES), bend=0.06)


def with_text(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """Printed text above and beside the digits, much smaller than they are."""
    desk = _desk(rng)
    high, wide = desk.size
    layer = Image.new("L", (wide, high))
    font = ImageFont.load_default(size=int(rng.integers(16, 28)))
    words = "Please write each number clearly and keep to the boxes below. Name, class and date: "
    pen = ImageDraw.Draw(layer)
    for line in range(int(rng.integers(1, 4))):
        pen.text((0.08 * wide, 0.03 * high + 36 * line), words, fill=255, font=font)
    pen.text((0.1 * wide, 0.95 * high), "page 3 of 4", fill=255, font=font)
    _rows(desk, glyphs, rng, pen=(0.06, 0.14), area=(0.08, 0.18, 0.92, 0.92))
    desk.lines = np.asarray(layer, dtype=np.float32) / 255.0
    return _photographed(desk, rng, paper=_any(rng, PAPERS[:3]), ink=_any(rng, INKS), line=np.full(3, 0.15))


def pencil(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """Faint, grainy strokes on ruled or squared paper."""
    desk = _desk(rng)
    _ruled(desk, rng, across=rng.random() < 0.5)
    _rows(desk, glyphs, rng, pen=(0.04, 0.1))
    desk.ink = desk.ink * np.clip(rng.normal(0.75, 0.3, desk.ink.shape), 0.0, 1.0).astype(np.float32)
    return _photographed(
        desk, rng, paper=_any(rng, PAPERS[:3]), ink=np.full(3, rng.uniform(0.3, 0.5)), line=np.array([0.72, 0.8, 0.92])
    )


def scanned(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """A scanner's flat, sharp, slightly tilted page."""
    desk = Desk((1754, 1240))
    _rows(desk, glyphs, rng, pen=(0.03, 0.1), slope=0.05)
    return _photographed(
        desk, rng, paper=np.ones(3), ink=_any(rng, INKS), bend=0.003, light=(0.0, 0.02), edge=0.0, noise=(0.0, 0.005)
    )


def notebook(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """A page torn out of a ring binder: holes with their shadow along one side, a red margin, blue squares."""
    desk = _desk(rng)
    high, wide = desk.size
    _ruled(desk, rng, across=True, gap=(40, 60))
    margin = int(0.12 * wide)
    desk.lines[:, margin : margin + 3] = 1.0
    _rows(desk, glyphs, rng, pen=(0.04, 0.1), area=(0.16, 0.06, 0.95, 0.95))
    colour = np.broadcast_to(_any(rng, LINES), (high, wide, 3)).copy()
    colour[:, margin : margin + 3] = (0.85, 0.35, 0.35)
    paper = np.broadcast_to(_any(rng, PAPERS[:3]), (high, wide, 3)).copy()
    y, x = np.mgrid[:high, :wide]
    for middle in np.arange(0.08, 1.0, 0.12) * high:
        away = np.hypot(y - middle, x - 0.04 * wide)
        paper[away < 22] = 0.25
        paper[(away >= 22) & (away < 26)] *= 0.8
    return _photographed(desk, rng, paper=paper, ink=_any(rng, INKS), line=colour)


def close_up(glyphs: Sequence[np.ndarray], rng: np.random.Generator) -> Sheet:
    """Two to five digits that fill the picture."""
    desk = Desk((900, 1600))
    few = glyphs[: int(rng.integers(2, 6))]
    height, width, x = rng.uniform(250, 420), rng.uniform(0.04, 0.14), 150.0
    for number, shape in enumerate(few):
        x = desk.write(number, with_pen(shape, width), height * rng.uniform(0.85, 1.1), x, 450, rng.uniform(-8, 8))
        x += rng.uniform(0.15, 0.4) * height
        if x > 1600 - 0.8 * height:
            break
    return _photographed(desk, rng, paper=_any(rng, PAPERS), ink=_any(rng, INKS))


FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        plain,
        ruled,
        squared,
        dark_lines,
        boxes,
        board,
        touching,
        on_a_table,
        with_text,
        pencil,
        scanned,
        notebook,
        close_up,
    )
}
