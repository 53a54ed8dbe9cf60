"""The drawing of the architecture diagram: volumes to Plotly traces, a few for all of them, so that it stays small."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from explorer.figures import theme
from explorer.figures.frame import numbers
from explorer.figures.theme import LIGHT
from explorer.figures.volumes import SLANT, Kind, Part, Volume

Polygon = list[tuple[float, float]]

CELLS = 16  # vectors of at most so many units show each one

COLOURS: dict[str, str] = {"input": LIGHT.train, **LIGHT.kinds}
TITLES: dict[Kind, str] = {
    "input": "input",
    "conv": "convolution",
    "batch_norm": "normalisation",
    "affine": "coefficient and bias",
    "activation": "activation",
    "pool": "pooling",
    "dropout": "dropout",
    "flatten": "flatten",
    "global_average_pool": "global average pooling",
    "dense": "dense",
    "output": "output",
}


def boxes(placed: Sequence[Volume]) -> list[dict[str, Any]]:
    """All boxes: a trace for each kind of layer, and one each for the light on the tops and the shade on the fronts."""
    sound: dict[Kind, list[Polygon]] = {}
    red: list[Polygon] = []
    ghosts: list[Polygon] = []
    tops: list[Polygon] = []
    fronts: list[Polygon] = []
    for volume in placed:
        for part in volume.parts:
            front, top = _cells(volume, part), _top(volume, part)
            # The side shows the volume's own kind, or a convolution would look like its activation.
            side = [_side(volume)] if part is volume.parts[0] else []
            faces = [*front, top, *side]
            if volume.state == "unknown":
                ghosts += faces
                continue
            (red if volume.state == "impossible" else sound.setdefault(part.kind, [])).extend(faces)
            tops.append(top)
            fronts += front
    coloured = [
        _filled(sound[kind], COLOURS[kind], name=TITLES[kind], showlegend=kind != "input")
        for kind in TITLES
        if kind in sound
    ]
    return [
        *coloured,
        *([_filled(red, LIGHT.wrong, name="impossible", showlegend=True)] if red else []),
        _filled(tops, "rgba(255,255,255,0.35)"),
        _filled(fronts, "rgba(0,0,0,0.14)"),
        *([_outlined(ghosts, LIGHT.muted, dash="4px,3px")] if ghosts else []),
    ]


def _cells(volume: Volume, part: Part) -> list[Polygon]:
    """The front face, cut into its units where a vector has few."""
    count = volume.shape[0] if len(volume.shape) == 1 and volume.shape[0] <= CELLS else 1
    left, right, step = part.left, part.left + part.width, volume.height / count
    levels = [volume.bottom + number * step for number in range(count)]
    return [[(left, low), (right, low), (right, low + step), (left, low + step)] for low in levels]


def _top(volume: Volume, part: Part) -> Polygon:
    left, right, high, (dx, dy) = part.left, part.left + part.width, volume.bottom + volume.height, volume.slant
    return [(left, high), (right, high), (right + dx, high + dy), (left + dx, high + dy)]


def _side(volume: Volume) -> Polygon:
    right, low, high, (dx, dy) = volume.right, volume.bottom, volume.bottom + volume.height, volume.slant
    return [(right, low), (right + dx, low + dy), (right + dx, high + dy), (right, high)]


def links(placed: Sequence[Volume]) -> list[dict[str, Any]]:
    """Where each unit sees the whole volume before it (dense layers, flattening): a faint band between both."""
    bands = []
    for before, after in pairwise(placed):
        if not after.window and after.state != "unknown":
            x, dy = before.right + before.slant[0], before.slant[1]
            bands.append(
                [
                    (x, before.bottom + dy),
                    (x, before.bottom + dy + before.height),
                    (after.left, after.bottom + after.height),
                    (after.left, after.bottom),
                ]
            )
    return [_filled(bands, theme.faint(LIGHT.muted, 0.12), line=theme.faint(LIGHT.muted, 0))] if bands else []


def windows(placed: Sequence[Volume]) -> list[dict[str, Any]]:
    """The window of each convolution and pooling, to scale, on the map that it slides over, and what it leads to."""
    sound: list[Polygon] = []
    red: list[Polygon] = []
    rays: list[Polygon] = []
    for before, after in pairwise(placed):
        if after.window and len(before.shape) == 3 and after.state != "unknown":
            window = _window(before, after.window)
            (red if after.state == "impossible" else sound).append(window)
            tip = (after.left, after.bottom + after.height / 2)
            rays += [[window[1], tip], [window[2], tip]]
    return [
        *([_outlined(rays, LIGHT.muted, closed=False)] if rays else []),
        *([_filled(sound, "rgba(255,255,255,0.55)", line="rgba(0,0,0,0.55)")] if sound else []),
        *([_filled(red, "rgba(255,255,255,0.35)", line=LIGHT.wrong, width=1.6)] if red else []),
    ]


def _window(volume: Volume, side: float) -> Polygon:
    """A square of ``side`` pixels in the middle of a volume's side face."""
    x, dx, dy, half = volume.right + volume.slant[0] / 2, SLANT[0] * side / 2, SLANT[1] * side / 2, side / 2
    return [(x - dx, -dy - half), (x + dx, dy - half), (x + dx, dy + half), (x - dx, -dy + half)]


def _filled(
    polygons: Sequence[Polygon],
    colour: str,
    *,
    line: str = theme.faint(LIGHT.background, 0.7),
    width: float = 0.8,
    name: str = "",
    showlegend: bool = False,
) -> dict[str, Any]:
    return {
        **_outlined(polygons, line, width=width),
        "fill": "toself",
        "fillcolor": colour,
        "name": name,
        "showlegend": showlegend,
    }


def _outlined(
    polygons: Sequence[Polygon], colour: str, *, width: float = 1.0, dash: str = "solid", closed: bool = True
) -> dict[str, Any]:
    gap = [(np.nan, np.nan)]
    points = [point for polygon in polygons for point in (*polygon, *(polygon[:1] if closed else []), *gap)]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": numbers(x for x, _ in points),
        "y": numbers(y for _, y in points),
        "line": {"color": colour, "width": width, "dash": dash},
        "hoverinfo": "skip",
        "showlegend": False,
    }
