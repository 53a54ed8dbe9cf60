"""Which tensor of a file is which of a network's: by the network's own names, else layer by layer, by what each holds.

A layer is what stands before the last dot of a name (``features.0`` of ``features.0.weight``). Two layers are alike
where their tensors have the same last names and shapes. Layers that several others are like are told apart by their
order: a PyTorch state dict has that of the module's definition. A safetensors file has none, so there they are taken
by the numbers in their names, and where the names differ in more than numbers nothing is guessed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from explorer.errors import WeightsError

Shapes = Mapping[str, tuple[int, ...]]

COUNTER = "num_batches_tracked"
"""How often batch normalisation has learned. No answer depends on it, and many files leave it out."""

_REMEDY = "describe the network that the file was made from"
_LISTED = 3
_LONGEST = 60


class Matching(NamedTuple):
    """``pairs``: the file's name and the network's for each tensor, in the network's order. ``by``: what they were
    recognised by."""

    by: Literal["name", "layer"]
    pairs: tuple[tuple[str, str], ...]


class _Layer(NamedTuple):
    name: str
    holds: tuple[tuple[str, tuple[int, ...]], ...]
    """Last name and shape of each tensor, without :data:`COUNTER`; the weight comes before the bias."""


def match(given: Shapes, wanted: Shapes, *, ordered: bool) -> Matching:
    """Which of the ``given`` tensors, by name, are the ``wanted`` ones. ``ordered``: the given ones are in the order of
    the network that they were made from.

    Where all names are the wanted ones the shapes are not looked at. A :data:`COUNTER` may be missing. Raises
    WeightsError where something else is missing or left over, or more than one answer is possible.
    """
    names, ours = _countless(given), _countless(wanted)
    if names == ours:
        matching = Matching("name", tuple((name, name) for name in wanted if name in given))
    elif (names < ours or names > ours) and names:
        raise WeightsError(_by_one_side(names, ours))
    else:
        matching = _by_layer(given, wanted, ordered)
    extra = set(given) - {name for name, _ in matching.pairs}
    if extra:
        raise WeightsError(_by_one_side({*ours, *extra}, ours))
    return matching


def _by_layer(given: Shapes, wanted: Shapes, ordered: bool) -> Matching:
    theirs, ours = _layers(given), _layers(wanted)
    alike: dict[object, tuple[list[_Layer], list[_Layer]]] = defaultdict(lambda: ([], []))
    for side, layers in enumerate((theirs, ours)):
        for layer in layers:
            alike[layer.holds][side].append(layer)
    if any(len(left) != len(right) for left, right in alike.values()):
        raise WeightsError(_unlike([layers for layers in alike.values() if len(layers[0]) != len(layers[1])]))
    found: dict[str, str] = {}
    for left, right in alike.values():
        chosen = left if ordered or len(left) == 1 else _by_number(left)
        found |= {mine.name: its.name for its, mine in zip(chosen, right, strict=True)}
    pairs = []
    for name in wanted:
        ours_layer, _, last = name.rpartition(".")
        its = f"{found[ours_layer]}.{last}".removeprefix(".")
        if its in given:
            pairs.append((its, name))
    return Matching("layer", tuple(pairs))


def _layers(shapes: Shapes) -> list[_Layer]:
    held: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for name, shape in shapes.items():
        layer, _, last = name.rpartition(".")
        if last != COUNTER:
            held[layer][last] = shape
    return [_Layer(name, tuple(sorted(tensors.items(), reverse=True))) for name, tensors in held.items()]


def _by_number(layers: Sequence[_Layer]) -> list[_Layer]:
    """Layers of a file without order, by the numbers in their names. Raises WeightsError where these do not decide."""
    first, second = (_shown(layer.name) for layer in layers[:2])
    if len({re.sub(r"\d+", "0", layer.name) for layer in layers}) > 1:
        raise WeightsError(
            f"{first} and {second} hold tensors of the same shapes, and a safetensors file has no order to tell them "
            "apart by: give the tensors this network's names, or bring the state dict that torch.save writes"
        )
    return sorted(layers, key=lambda layer: [int(number) for number in re.findall(r"\d+", layer.name)])


def _countless(shapes: Shapes) -> set[str]:
    return {name for name in shapes if name.rpartition(".")[2] != COUNTER}


# --- in words ---


def _by_one_side(names: set[str], ours: set[str]) -> str:
    missing, extra = sorted(ours - names), sorted(names - ours)
    if missing:
        return f"the file has no {_some(missing)}, which this network needs: {_REMEDY}"
    return f"the file has {_some(extra)}, which this network has no place for: {_REMEDY}"


def _unlike(sides: Sequence[tuple[list[_Layer], list[_Layer]]]) -> str:
    theirs = [layer for left, right in sides for layer in left[len(right) :]]
    ours = [layer for left, right in sides for layer in right[len(left) :]]
    if not ours:
        return f"the file has {_listed(theirs)}, for which this network has no layer: {_REMEDY}"
    there = f"the file has {_listed(theirs)} instead" if theirs else "the file has none like it"
    return f"this network's {_listed(ours[:1])} is not in the file; {there}: {_REMEDY}"


def _listed(layers: Sequence[_Layer]) -> str:
    return _some([_layer(layer) for layer in layers], longest=400)


def _layer(layer: _Layer) -> str:
    parts = [f"{last} {'×'.join(map(str, shape)) or 'of one number'}" for last, shape in layer.holds]
    shown = ", ".join(_shown(part) for part in parts[:5]) + (", …" if len(parts) > 5 else "")
    return f"{_shown(layer.name)} ({shown})" if layer.name else shown


def _some(names: Sequence[str], longest: int = _LONGEST) -> str:
    shown = ", ".join(_shown(name, longest) for name in names[:_LISTED])
    return shown + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _shown(text: str, longest: int = _LONGEST) -> str:
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
