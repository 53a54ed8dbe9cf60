"""A cut through a network: all that makes the numbers of one map or unit, for the microscope to calculate with.

Arrays are float32, as PyTorch has them; whoever calculates with them in double precision gets PyTorch's values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from explorer.analysis.terms import INPUT
from explorer.errors import SpecError
from explorer.shapes import LayerShape, padding
from explorer.spec import Activation, Affine, BatchNorm, Conv, Dense, Dropout, Flatten, GlobalAveragePool, Output, Pool

Kind = Literal["convolution", "pooling", "dense", "elementwise"]
_AFTER = BatchNorm | Affine | Activation | Dropout


@dataclass(frozen=True, eq=False)
class Section:
    """One map or unit and what it is made of.

    ``kind`` is how the first of ``steps`` computes; ``layer`` is the one that was asked for, ``base`` the first.
    ``facts`` are plain values: sizes, ``first`` (its inputs are the network's), of a convolution ``seen`` (the input
    maps that its kernel sees), and under ``steps`` what happens to each number afterwards, one entry a layer.

    ``arrays``, by kind (all float32):

    - convolution: ``inputs`` (C, H, W), ``kernel`` (C, k, k)
    - pooling: ``inputs`` (1, H, W)
    - dense: ``inputs`` (n,), ``weights`` (n,); where the inputs are means of maps also these, ``maps`` (n, H, W); the
      output layer also ``logits`` (classes,)
    - elementwise: ``inputs`` (1, H, W)

    and ``values``: the layer's own output, a map (H, W), or for vectors all units (units,).
    """

    kind: Kind
    layer: str
    base: str
    number: int
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]


def section(
    network: nn.Module,
    layers: Sequence[LayerShape],
    image: np.ndarray,
    outputs: Mapping[str, np.ndarray],
    name: str,
    number: int,
) -> Section:
    """The cut through map or unit ``number`` of the layer ``name``.

    ``image`` is the normalised input, float32 (C, H, W), ``outputs`` are :func:`~explorer.analysis.activations`' for
    it. Batch normalisation, affine, activation and dropout are shown together with the layer whose numbers they change.
    Raises SpecError for a layer or a number that does not exist.
    """
    places = {layer.name: place for place, layer in enumerate(layers)}
    if name not in places:
        raise SpecError(f"there is no layer named {name!r}; there are: {', '.join(places)}")
    place = places[name]
    units = layers[place].output[0]
    if not 0 <= number < units:
        raise SpecError(f"{name} has {units} outputs, numbered from 0: there is no {number}")
    first, end = place, place + 1
    while first > 0 and isinstance(layers[first].layer, _AFTER):
        first -= 1
    while end < len(layers) and isinstance(layers[end].layer, _AFTER):
        end += 1  # what follows changes each number by itself: it is shown as well
    base, after = layers[first], layers[first + 1 : end]
    source = image if first == 0 else outputs[layers[first - 1].name]
    weights = network.state_dict()
    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]
    match base.layer:
        case Conv() as conv:
            kind: Kind = "convolution"
            arrays = {"inputs": source, "kernel": _array(weights[f"{base.name}.weight"][number])}
            facts = {"stride": conv.stride, "pad": padding(conv)[0], "bias": _bias(weights, base, number)}
            facts["seen"] = list(range(len(source)) if conv.connections is None else conv.connections[number])
        case Dense() | Output():
            kind = "dense"
            arrays = {"inputs": source.reshape(-1), "weights": _array(weights[f"{base.name}.weight"][number])}
            origin = _origin(layers, first)
            facts = {"bias": _bias(weights, base, number), "origin": origin}
            if origin is not None and origin["means"]:
                arrays["maps"] = image if origin["layer"] == INPUT else outputs[origin["layer"]]
            if isinstance(base.layer, Output):
                arrays["logits"] = outputs[base.name]
        case Pool() | GlobalAveragePool() if first == place:
            kind, after = "pooling", ()
            arrays, facts = {"inputs": source[number : number + 1]}, _window(base)
        case BatchNorm() | Affine() | Activation() | Dropout():  # the network's first layer
            kind, after = "elementwise", layers[first:end]
            arrays, facts = {"inputs": source[number][None]}, {}
        case _:  # what lies before has nothing to show for these numbers: they are as they come
            kind = "elementwise"
            arrays, facts = {"inputs": outputs[base.name][number].reshape(1, *(base.output[1:] or (1, 1)))}, {}
    values = outputs[name]
    arrays["values"] = values[number] if values.ndim == 3 else values
    facts["first"] = first == 0
    facts["steps"] = [_step(network, layer, number) for layer in after]
    return Section(kind, name, base.name, number, facts, {key: _packed(array) for key, array in arrays.items()})


def _window(layer: LayerShape) -> dict[str, Any]:
    if isinstance(layer.layer, Pool):
        size, stride = layer.layer.size, layer.layer.stride
        return {"mode": layer.layer.mode, "window": [size, size], "stride": stride}
    return {"mode": "average", "window": list(layer.input[1:]), "stride": 1}


def _origin(layers: Sequence[LayerShape], place: int) -> dict[str, Any] | None:
    """The maps that a dense layer's inputs were before they became a vector: their layer and shape (C, H, W), and
    whether each input is the mean of one map (``means``) or one of their numbers. None where they are units."""
    while place > 0 and isinstance(layers[place - 1].layer, Dropout):
        place -= 1
    if place == 0 or not isinstance(layers[place - 1].layer, Flatten | GlobalAveragePool):
        return None
    bridge = layers[place - 1]
    return {
        "layer": layers[place - 2].name if place > 1 else INPUT,
        "shape": list(bridge.input),
        "means": isinstance(bridge.layer, GlobalAveragePool),
    }


def _step(network: nn.Module, layer: LayerShape, number: int) -> dict[str, Any]:
    """What a layer does to each number of map or unit ``number`` in evaluation mode."""
    match layer.layer:
        case BatchNorm():
            norm = network.get_submodule(layer.name)
            names = {"mean": "running_mean", "variance": "running_var", "scale": "weight", "shift": "bias"}
            state = norm.state_dict()
            learned = {key: float(state[name][number]) for key, name in names.items()}
            return {"op": "batch_norm", "layer": layer.name, "epsilon": norm.eps, **learned}
        case Affine():
            state = network.get_submodule(layer.name).state_dict()
            learned = {key: float(state[name][number]) for key, name in (("scale", "weight"), ("shift", "bias"))}
            return {"op": "affine", "layer": layer.name, **learned}
        case Activation(function=function):
            return {"op": "activation", "layer": layer.name, "function": function}
        case _:
            return {"op": "dropout", "layer": layer.name}


def _array(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().cpu().numpy()
    return array


def _bias(weights: Mapping[str, Tensor], layer: LayerShape, number: int) -> float | None:
    """The layer's bias for one output; None where it has none."""
    bias = weights.get(f"{layer.name}.bias")
    return None if bias is None else float(bias[number])


def _packed(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.dtype("<f4"))
