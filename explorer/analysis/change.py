"""A trained network changed by hand, and what that does: a copy with the edits, its answers beside the answers before.

Only what follows the first edited layer is computed again (:func:`keep` once, then :func:`answers` for each edit).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune

from explorer.analysis.attribution import ACTIVATIONS
from explorer.analysis.capture import to_input
from explorer.analysis.evaluate import Evaluation
from explorer.data.cards import DataCard
from explorer.edits import Bias, Edit, Edits, Off, Prune, Scale, Write
from explorer.errors import SpecError
from explorer.models import Network
from explorer.modules import ChannelAffine, Codes, TableConv2d
from explorer.shapes import LayerShape

BATCH = 200
"""Images at once: their maps stay in a CPU's caches."""
WORKERS = 2
"""Batches at work at the same time, each on one of torch's threads."""
KEPT_BYTES = 50_000_000
"""What may be kept of the layers before the first edited one."""

Weighted = nn.Conv2d | nn.Linear
Norm = nn.BatchNorm1d | nn.BatchNorm2d | ChannelAffine


@dataclass(frozen=True)
class Grid:
    """How one input of a kernel or unit is written as a matrix: there are ``channels`` of ``rows`` × ``columns``
    weights. ``maps``: each channel is an input map's, else there is one, whose weights have no places."""

    channels: int
    rows: int
    columns: int
    maps: bool


# --- the changed network ---


def changed(network: Network, edits: Edits) -> Network:
    """A copy of the network with the edits, in their order; the network itself stays as it is, and so may be shared.

    Raises SpecError for an edit of a layer, kernel or input that the network does not have.
    """
    twin = copy.deepcopy(network).eval().requires_grad_(False)
    with torch.no_grad():
        for edit in edits:
            _apply(twin, edit)
    return twin


def editable(network: Network) -> list[str]:
    """The names of the layers with kernels or units."""
    return [name for name, module in network.named_children() if isinstance(module, Weighted)]


def grid(network: Network, layer: str) -> Grid:
    """How the weights of a layer's kernels or units are written. Raises SpecError where it has none."""
    module = _weighted(network, layer)
    if isinstance(module, nn.Conv2d):
        height, width = module.weight.shape[2:]
        return Grid(module.in_channels, height, width, maps=True)
    before = _input_maps(network, layer)
    if before is None:
        columns = min(8, module.in_features)
        return Grid(1, -(-module.in_features // columns), columns, maps=False)
    return Grid(before[0], before[1], before[2], maps=True)


def weights(network: Network, layer: str) -> np.ndarray:
    """The weights of all kernels or units of a layer as matrices float32 (kernels, channels, rows, columns), see
    :func:`grid`; NaN fills up a last row. Raises SpecError where the layer has none."""
    found = grid(network, layer)
    flat = _weighted(network, layer).weight.detach().flatten(1).numpy()
    whole = np.full((len(flat), found.channels * found.rows * found.columns), np.nan, np.float32)
    whole[:, : flat.shape[1]] = flat
    return whole.reshape(len(flat), found.channels, found.rows, found.columns)


def bias(network: Network, layer: str, number: int) -> float | None:
    """The bias of a kernel or unit; None where the layer has none."""
    values = _of(network, layer, number).bias
    return None if values is None else float(values[number])


def first_layer(network: Network, edits: Edits) -> int:
    """The place of the first layer that the edits change, of the output where there are none."""
    names = [name for name, _ in network.named_children()]
    layers = editable(network)
    touched = [(layers[0] if edit.layer is None else edit.layer) for edit in edits]
    return min((names.index(layer) for layer in touched), default=len(names) - 1)


def _apply(network: Network, edit: Edit) -> None:
    match edit:
        case Prune(what="weights"):
            _prune_weights(network, edit)
        case Prune():
            _prune_kernels(network, edit)
        case Write():
            target = _slice(network, edit.layer, edit.number, edit.channel)
            module = _of(network, edit.layer, edit.number)
            unseen = isinstance(module, TableConv2d) and not module.table[edit.number, edit.channel]
            if unseen and any(edit.weights):
                raise SpecError(f"kernel {edit.number} of {edit.layer} does not see input map {edit.channel}")
            if len(edit.weights) != len(target):
                raise SpecError(f"{edit.layer} has {len(target)} weights there, not {len(edit.weights)}")
            target.copy_(torch.tensor(edit.weights))
        case Bias():
            bias = _of(network, edit.layer, edit.number).bias
            if bias is None:
                raise SpecError(f"{edit.layer} has no biases: scale a kernel or write its weights")
            bias[edit.number] = edit.value
        case Scale():
            _scale(network, edit)
        case Off():
            _switch_off(network, edit.layer, edit.number)


def _prune_weights(network: Network, edit: Prune) -> None:
    names = editable(network) if edit.layer is None else [edit.layer]
    learned = [(module.weight, _learned(module)) for module in (_weighted(network, name) for name in names)]
    mask = _mask(prune.L1Unstructured(edit.share), torch.cat([weight[where] for weight, where in learned]))
    parts = torch.split(mask, [int(where.sum()) for _, where in learned])
    for (weight, where), part in zip(learned, parts, strict=True):
        weight[where] *= part


def _learned(module: Weighted) -> Tensor:
    """Which of a layer's weights are learned, and so compared: none of fixed codes, and no missing connections."""
    if isinstance(module, TableConv2d):
        return module.table.bool().expand_as(module.weight)
    return torch.full_like(module.weight, not isinstance(module, Codes), dtype=torch.bool)


def _prune_kernels(network: Network, edit: Prune) -> None:
    for name in editable(network)[:-1] if edit.layer is None else [edit.layer]:
        weight = _weighted(network, name).weight
        mask = _mask(prune.LnStructured(edit.share, n=1, dim=0), weight)
        for number in torch.nonzero(mask.flatten(1).amax(1) == 0).flatten().tolist():
            _switch_off(network, name, number)


def _mask(method: prune.BasePruningMethod, values: Tensor) -> Tensor:
    """1 for what stays, 0 for what goes."""
    return cast("Tensor", method.compute_mask(values, torch.ones_like(values)))  # type: ignore[no-untyped-call]


def _scale(network: Network, edit: Scale) -> None:
    target: nn.Module = _of(network, edit.layer, edit.number)
    numbers = slice(edit.number, edit.number + 1)
    for module in _after(network, edit.layer):
        if isinstance(module, Norm):
            target, numbers = module, _block(len(module.weight), edit.number, _width(network, edit.layer))
        elif isinstance(module, ACTIVATIONS | Weighted):
            break
    for values in (cast("Tensor", target.weight), cast("Tensor | None", target.bias)):
        if values is not None:
            values[numbers] *= edit.factor


def _switch_off(network: Network, layer: str, number: int) -> None:
    module, width = _of(network, layer, number), _width(network, layer)
    module.weight[number] = 0
    if module.bias is not None:
        module.bias[number] = 0
    for later in _after(network, layer):
        if isinstance(later, Norm):
            block = _block(len(later.weight), number, width)
            later.weight[block] = 0
            later.bias[block] = 0
        elif isinstance(later, Weighted):
            later.weight[:, _block(later.weight.shape[1], number, width)] = 0


# --- what it does ---


def place_to_keep(layers: tuple[LayerShape, ...], first: int, images: int) -> int:
    """The place up to which it pays to keep what the network makes of the images, where layer ``first`` is the first
    edited one: the input of that layer or, where that is too large, of the last one before whose input is not. At 0
    nothing needs to be kept."""
    for place in range(first, 0, -1):
        if 4 * images * int(np.prod(layers[place].input)) <= KEPT_BYTES:
            return place
    return 0


def keep(
    network: Network,
    pixels: np.ndarray,
    card: DataCard,
    place: int,
    *,
    progress: Callable[[float], None] | None = None,
) -> Tensor:
    """The input of the layer at ``place`` for images uint8 (N, C, H, W), float32 (N, …). ``progress`` is told the share
    done."""
    parts = list(_run(network[:place], lambda some: to_input(network, pixels[some], card), len(pixels), progress))
    return torch.cat(parts)


def answers(
    network: Network,
    labels: np.ndarray,
    *,
    pixels: np.ndarray,
    card: DataCard,
    kept: Tensor | None = None,
    place: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Evaluation:
    """The answers of a changed network to images uint8 (N, C, H, W) with labels int (N,), from the input ``kept`` of
    the layer at ``place`` on (at 0: from the pixels), as :func:`explorer.analysis.evaluate` gives them."""

    def inputs(some: slice) -> Tensor:
        return to_input(network, pixels[some], card) if kept is None or place == 0 else kept[some]

    logs = torch.cat(list(_run(network[place:], inputs, len(labels), progress))).log_softmax(1)
    truth = torch.tensor(np.asarray(labels, np.int64))
    shares = logs.exp()
    return Evaluation(
        truth.numpy(),
        shares.argmax(1).numpy(),
        shares.numpy(),
        F.nll_loss(logs, truth, reduction="none").numpy(),
    )


def _run(
    part: nn.Sequential, inputs: Callable[[slice], Tensor], images: int, progress: Callable[[float], None] | None
) -> Iterator[Tensor]:
    """What a part of a network makes of its inputs, a batch at a time."""

    def work(start: int) -> Tensor:
        with torch.inference_mode():
            found: Tensor = part(inputs(slice(start, start + BATCH)))
            return found.float().contiguous()

    with ThreadPoolExecutor(WORKERS) as pool:
        for done, found in enumerate(pool.map(work, range(0, images, BATCH)), start=1):
            if progress is not None:
                progress(min(1.0, done * BATCH / images))
            yield found


# --- anatomy ---


def _weighted(network: Network, layer: str) -> Weighted:
    module = dict(network.named_children()).get(layer)
    if not isinstance(module, Weighted):
        raise SpecError(
            f"{layer!r:.40} has no kernels or units to edit; those that have: {', '.join(editable(network))}"
        )
    return module


def _width(network: Network, layer: str) -> int:
    """The number of the layer's kernels or units."""
    return int(_weighted(network, layer).weight.shape[0])


def _of(network: Network, layer: str, number: int) -> Weighted:
    """The layer, in which there must be a kernel or unit of that number."""
    if not 0 <= number < _width(network, layer):
        raise SpecError(f"{layer} has no kernel or unit {number}: there are {_width(network, layer)}, from 0")
    return _weighted(network, layer)


def _after(network: Network, layer: str) -> Iterator[nn.Module]:
    """The layers after this one, up to the next one with kernels or units."""
    names = [name for name, _ in network.named_children()]
    for module in list(network)[names.index(layer) + 1 :]:
        yield module
        if isinstance(module, Weighted):
            return


def _block(inputs: int, number: int, width: int) -> slice:
    """Where one of ``width`` maps or units is among the inputs of a later layer: flattening gives a map many places."""
    places = inputs // width
    return slice(number * places, (number + 1) * places)


def _input_maps(network: Network, layer: str) -> tuple[int, int, int] | None:
    """The maps (C, h, w) that are flattened into a dense layer's input; None where its inputs are single units."""
    from explorer.shapes import trace

    layers = trace(network.spec, network.input_shape, network.classes)
    for shape in reversed(layers[: [one.name for one in layers].index(layer)]):
        if shape.layer.kind in ("dense", "global_average_pool"):
            return None
        if shape.layer.kind == "flatten":
            return cast("tuple[int, int, int]", shape.input)
    return None


def _slice(network: Network, layer: str, number: int, channel: int) -> Tensor:
    """The weights of one input of a kernel or unit, flat, in the layer's own memory."""
    found, module = grid(network, layer), _of(network, layer, number)
    if not 0 <= channel < found.channels:
        raise SpecError(f"{layer} has no input map {channel}: there are {found.channels}, from 0")
    flat = module.weight.detach()[number].view(-1)
    return flat[_block(len(flat), channel, found.channels)]
