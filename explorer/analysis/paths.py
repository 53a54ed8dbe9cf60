"""Backwards through a network: the part of a logit that a path through its layers explains.

What a path explains of a logit is the logit times the shares of the terms along it, see :mod:`explorer.analysis.terms`.
Nothing is lost: the parts of a step's terms and constants add up to the part above them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.analysis.capture import to_input
from explorer.analysis.terms import INPUT, Outputs, Position, Terms, terms
from explorer.data.cards import DataCard
from explorer.errors import SpecError
from explorer.models import Network

Path = tuple[Position, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """One place on a path. ``gain`` is the product of the weights from the logit down to here, so that ``part``, what
    the path explains of the logit, is gain × value: the same as the logit times all shares, and without dividing."""

    terms: Terms
    gain: float

    @property
    def part(self) -> float:
        return self.gain * self.terms.value

    @property
    def parts(self) -> np.ndarray:
        """The part of each term, float64 (T,)."""
        return self.gain * self.terms.products


@dataclass(frozen=True, eq=False)
class Walk:
    """A path's steps, one for each position that has terms, and what its end explains of the logit."""

    steps: tuple[Step, ...]
    end: Position
    value: float
    gain: float

    @property
    def part(self) -> float:
        return self.gain * self.value


def with_input(network: Network, outputs: Outputs, image: np.ndarray, card: DataCard) -> dict[str, np.ndarray]:
    """Every layer's output for one image, uint8 (C, H, W), as :func:`~explorer.analysis.capture.activations` gives
    them, and the normalised image itself as ``input``, float32 (C, H, W)."""
    pixels: np.ndarray = to_input(network, image[None], card)[0].cpu().numpy()
    return {INPUT: pixels, **outputs}


def walk(network: Network, outputs: Outputs, path: Path) -> Walk:
    """Goes down a path, from a logit (or any other position, which then counts as the whole) towards the pixels.

    Raises SpecError as :func:`terms` does, for an empty path, and where a position is no source of the one before.
    """
    if not path:
        raise SpecError("a path needs a position to begin with: give a logit")
    gain, steps = 1.0, []
    for place, (layer, index) in enumerate(path):
        if layer == INPUT:
            break
        found = terms(network, outputs, layer, index)
        steps.append(Step(found, gain))
        if place + 1 < len(path):
            gain *= float(found.weights[found.find(path[place + 1])])
    last, index = path[-1]
    return Walk(tuple(steps), path[-1], float(outputs[last][index]), gain)


def strongest(found: Terms) -> Position | None:
    """The source that explains the most of a value: of its own sign and the largest, the first among equals. None where
    all sources are padding."""
    inside = np.flatnonzero(~found.padding)
    if not len(inside):
        return None
    toward = found.products[inside] * (-1.0 if found.value < 0 else 1.0)
    return found.position(int(inside[toward.argmax()]))


def glide(network: Network, outputs: Outputs, path: Path) -> Path:
    """The path, gone on through layers that pass a single source through, to the next choice or to a pixel."""
    return (*path, *_down(network, outputs, path[-1], choices=False))


def follow(network: Network, outputs: Outputs, path: Path) -> Path:
    """The path, gone on by the strongest source of each step to a pixel (or to where all sources are padding)."""
    return (*path, *_down(network, outputs, path[-1], choices=True))


def _down(network: Network, outputs: Outputs, position: Position, *, choices: bool) -> Iterator[Position]:
    following: Position | None = position
    while following is not None and following[0] != INPUT:
        found = terms(network, outputs, *following)
        following = strongest(found) if choices or found.single else None
        if following is not None:
            yield following
