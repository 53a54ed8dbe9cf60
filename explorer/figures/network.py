"""The architecture as volumes from left to right, to scale, with the numbers under each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.errors import SpecError
from explorer.figures import theme
from explorer.figures.boxes import TITLES, boxes, links, windows
from explorer.figures.frame import figure, numbers
from explorer.figures.theme import LIGHT
from explorer.figures.volumes import PAGE, State, Volume, spread, volumes
from explorer.shapes import LayerShape, Shape
from explorer.spec import Flatten, Layer

TOP = 128.0  # above the axis
LABELS = 96.0  # where the labels begin, below the axis
LINE = 15.5  # height of a label's line
LETTER = 6.1  # mean width of a label's letter
TURN = "\t"  # where a label's line may be broken
SMALLEST = 0.75  # a narrower place shrinks the diagram to this share of its width at most: letters stay readable


def architecture(
    layers: Sequence[LayerShape],
    input_shape: Shape,
    *,
    error: SpecError | None = None,
    rest: Sequence[Layer] = (),
    rest_names: Sequence[str] = (),
    width: float = PAGE,
) -> go.Figure:
    """The network's diagram. One data unit is one pixel; ``layout.width`` is ``width``, or more where the network
    needs more: shown narrower, labels would touch, so ``layout.meta`` has it as ``min_width``, too, below which to
    shrink the letters as well, down to the share ``smallest``, or to scroll. A click on a layer gives its name as
    ``customdata``.

    ``layers`` are those that work. Where the network is impossible, ``rest`` and ``rest_names`` are the layers from
    the first impossible one on, and ``error`` says why: that one is drawn red, those after it as ghosts.
    """
    entries = {entry.name: entry for entry in layers}
    bare = [_judged(volume, entries, error) for volume in volumes(layers, input_shape, rest, rest_names)]
    labels = [_label(volume, entries) for volume in bare]
    placed, total = spread(bare, _widths(labels), width)
    if total > width:  # too many for one page: higher labels in place of wide ones
        labels = [[part for line in lines for part in line.split(TURN)] for lines in labels]
        placed, total = spread(bare, _widths(labels), width)
    labels = [[line.replace(TURN, " ") for line in lines] for lines in labels]
    height = TOP + LABELS + LINE * (max(map(len, labels)) + 0.6)
    data = [
        *links(placed),
        *boxes(placed),
        *windows(placed),
        *_texts(placed, labels),
        _handles(placed, entries, error),
    ]
    hidden = {"visible": False, "fixedrange": True}
    layout = {
        "width": round(total),
        "height": round(height),
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "xaxis": {**hidden, "range": [0, total]},
        "yaxis": {**hidden, "range": [TOP - height, TOP], "scaleanchor": "x"},
        "hoverdistance": 100,
        "dragmode": False,
        "legend": {"y": 1, "yanchor": "top", "font": {"size": 12}, "itemclick": False, "itemdoubleclick": False},
        "uirevision": "architecture",
        "meta": {"min_width": round(total), "smallest": SMALLEST},
    }
    return figure(data, layout)


def describe(layers: Sequence[LayerShape], input_shape: Shape, error: SpecError | None = None) -> str:
    """The diagram in words, for those who don't see it."""
    parts = [f"input {theme.shape_text(input_shape)}"]
    parts += [f"{entry.name} {theme.shape_text(entry.output)}, {entry.parameters:,} parameters" for entry in layers]
    return "; ".join(parts) + (f". {error}" if error else "")


# --- words ----------------------------------------------------------------------------------------------------------


def _judged(volume: Volume, entries: Mapping[str, LayerShape], error: SpecError | None) -> Volume:
    """The volume, impossible where the error names one of its layers, although its shape is known: a network that is
    too large."""
    found = {entries[part.name].index for part in volume.parts if part.name in entries}
    return replace(volume, state="impossible") if error is not None and error.layer in found else volume


def _widths(labels: Sequence[Sequence[str]]) -> list[float]:
    return [LETTER * max(map(len, lines)) for lines in labels]


_STATE_COLOURS: dict[State, str | None] = {"sound": None, "impossible": LIGHT.wrong, "unknown": LIGHT.muted}


def _label(volume: Volume, entries: Mapping[str, LayerShape]) -> list[str]:
    """The lines under a volume: its name, size, parameters and receptive field."""
    name = volume.parts[0].name
    entry = entries.get(name)
    if volume.state == "unknown":
        return [name]
    if entry is None and volume.state == "impossible":
        return [name, theme.shape_text(volume.shape[1:]), "does not fit"]
    lines = [name, theme.shape_text(volume.shape) + (" units" if len(volume.shape) == 1 else "")]
    if entry is not None and not isinstance(entry.layer, Flatten):
        lines.append(f"sees {entry.receptive_field} × {entry.receptive_field}")
    if entry is not None and entry.parameters:
        lines.append(f"{theme.compact(entry.parameters)}{TURN}parameters")
    return lines


def _texts(placed: Sequence[Volume], labels: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """The labels: names, numbers, and both of what is impossible or only a guess in their own colours."""
    found = []
    for state, colour in _STATE_COLOURS.items():
        chosen = [(volume.centre, lines) for volume, lines in zip(placed, labels, strict=True) if volume.state == state]
        if chosen:
            x = numbers(centre for centre, _ in chosen)
            names = [f"<b>{lines[0]}</b>" if state != "unknown" else lines[0] for _, lines in chosen]
            found.append(_text(x, names, 12.5, colour))
            found.append(_text(x, ["<br>".join(["", *lines[1:]]) for _, lines in chosen], 11.5, colour, opacity=0.75))
    return found


def _text(x: np.ndarray, text: list[str], size: float, colour: str | None, opacity: float = 1.0) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "text",
        "x": x,
        "y": np.full(len(x), -LABELS, np.float32),
        "text": text,
        "textposition": "bottom center",
        "textfont": {"size": size, **({"color": colour} if colour else {})},
        "opacity": opacity,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _handles(placed: Sequence[Volume], entries: Mapping[str, LayerShape], error: SpecError | None) -> dict[str, Any]:
    """Invisible points on every part, every side and every label, for hovering and clicking: the nearest one counts."""
    points = [
        (part.left + part.width / 2, -volume.slant[1] / 2, part.name, volume)
        for volume in placed
        for part in volume.parts
    ]
    points += [(volume.right + volume.slant[0] / 2, 0.0, volume.parts[0].name, volume) for volume in placed]
    points += [(volume.centre, -LABELS - 2 * LINE, volume.parts[0].name, volume) for volume in placed]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(x for x, *_ in points),
        "y": numbers(y for _, y, *_ in points),
        "marker": {"size": 14, "opacity": 0},
        "customdata": [name for _, _, name, _ in points],
        "text": [_hover(name, volume, entries.get(name), error) for _, _, name, volume in points],
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }


def _hover(name: str, volume: Volume, entry: LayerShape | None, error: SpecError | None) -> str:
    if volume.state == "impossible" and error is not None:
        return str(error)
    if entry is None:
        return name if volume.state == "unknown" else f"<b>{name}</b><br>{theme.shape_text(volume.shape)}"
    lines = [f"<b>{name}</b> · {TITLES[entry.layer.kind]}", theme.shape_text(entry.output)]
    if entry.formula:
        lines.append(entry.formula)
    if entry.parameters:
        lines.append(f"{entry.parameters:,} parameters: {entry.parameter_formula}")
    if entry.macs:
        lines.append(f"{entry.macs:,} multiply-adds")
    lines.append(f"sees {entry.receptive_field} × {entry.receptive_field} pixels · {entry.activation_bytes:,} bytes")
    return "<br>".join(lines)
