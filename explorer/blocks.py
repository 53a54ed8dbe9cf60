"""The builder's view of a network: convolution blocks, a bridge, and dense blocks.

:func:`to_model` writes blocks out as the flat :class:`~explorer.spec.ModelSpec` that everything else works on,
:func:`from_model` reads them back, and :func:`place` tells which block a layer belongs to, so that a fault found in a
layer is shown at the block that the user can change.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from explorer.spec import (
    Activation,
    ActivationName,
    Affine,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    FrozenSpec,
    GlobalAveragePool,
    Layer,
    ModelSpec,
    Output,
    Pool,
)

MAX_BLOCKS = 6
MAX_DENSE = 3


class ConvBlock(FrozenSpec):
    """Convolution, then, where chosen: batch normalisation, activation, pooling, dropout, in this order."""

    kernels: int = Field(default=32, ge=1, le=1024)
    kernel_size: int = Field(default=3, ge=1, le=31)
    stride: int = Field(default=1, ge=1, le=8)
    padding: Literal["valid", "same"] | Annotated[int, Field(ge=0, le=15)] = "valid"
    batch_norm: bool = False
    activation: ActivationName | Literal["none"] = "relu"
    pool: Literal["none", "max", "average"] = "none"
    pool_size: int = Field(default=2, ge=1, le=31)
    pool_stride: int = Field(default=2, ge=1, le=31)
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)


class DenseBlock(FrozenSpec):
    """A fully connected layer, then, where chosen, activation and dropout."""

    units: int = Field(default=128, ge=1, le=8192)
    activation: ActivationName | Literal["none"] = "relu"
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)


class Blocks(FrozenSpec):
    """What the builder edits. ``bridge`` turns the last maps into the vector that the head works on."""

    convs: tuple[ConvBlock, ...] = Field(default=(), max_length=MAX_BLOCKS)
    bridge: Literal["flatten", "global_average_pool"] = "flatten"
    dense: tuple[DenseBlock, ...] = Field(default=(), max_length=MAX_DENSE)


class Place(NamedTuple):
    """Where a layer stands in the builder: part ``convs`` or ``dense`` and its number from 0, or part ``head``."""

    part: Literal["convs", "dense", "head"]
    number: int


def to_model(blocks: Blocks) -> ModelSpec:
    """Writes the blocks out as layers; parts that are switched off leave nothing behind."""
    layers: list[Layer] = []
    for conv in blocks.convs:
        layers += _conv_layers(conv)
    layers.append(Flatten() if blocks.bridge == "flatten" else GlobalAveragePool())
    for dense in blocks.dense:
        layers += _dense_layers(dense)
    layers.append(Output())
    return ModelSpec(layers=tuple(layers))


def from_model(model: ModelSpec) -> Blocks | None:
    """The blocks that :func:`to_model` turns into exactly this network, or None where the builder has no such form
    (an imported network with pooling before its first convolution, say, or LeNet-5's of 1998)."""
    convs: list[dict[str, object]] = []
    dense: list[dict[str, object]] = []
    bridge = "flatten"
    for layer in model.layers:
        current: dict[str, object] | None = dense[-1] if dense else convs[-1] if convs else None
        match layer:
            case Conv(connections=None):
                convs.append({**layer.model_dump(exclude={"kind", "bias"}), "activation": "none"})
            case Dense():
                dense.append({"units": layer.units, "activation": "none"})
            case Flatten() | GlobalAveragePool():
                bridge = layer.kind
            case Output(codes=False):
                pass
            case Conv() | Output() | Affine():
                return None
            case _ if current is None:
                return None
            case BatchNorm():
                current["batch_norm"] = True
            case Activation():
                current["activation"] = layer.function
            case Pool():
                current |= {"pool": layer.mode, "pool_size": layer.size, "pool_stride": layer.stride}
            case Dropout():
                current["dropout"] = layer.rate
    if len(convs) > MAX_BLOCKS or len(dense) > MAX_DENSE or any("batch_norm" in block for block in dense):
        return None
    blocks = Blocks.model_validate({"convs": convs, "bridge": bridge, "dense": dense})
    return blocks if to_model(blocks) == model else None  # another order, or a doubled part, has no block form


def place(blocks: Blocks, layer: int) -> Place:
    """The block that layer number ``layer`` (from 0) of ``to_model(blocks)`` was written by."""
    first = 0
    for number, conv in enumerate(blocks.convs):
        first += len(_conv_layers(conv))
        if layer < first:
            return Place("convs", number)
    first += 1  # the bridge
    if layer < first:
        return Place("head", 0)
    for number, dense in enumerate(blocks.dense):
        first += len(_dense_layers(dense))
        if layer < first:
            return Place("dense", number)
    return Place("head", 0)


def _conv_layers(block: ConvBlock) -> list[Layer]:
    layers: list[Layer] = [
        Conv(kernels=block.kernels, kernel_size=block.kernel_size, stride=block.stride, padding=block.padding)
    ]
    if block.batch_norm:
        layers.append(BatchNorm())
    if block.activation != "none":
        layers.append(Activation(function=block.activation))
    if block.pool != "none":
        layers.append(Pool(mode=block.pool, size=block.pool_size, stride=block.pool_stride))
    if block.dropout:
        layers.append(Dropout(rate=block.dropout))
    return layers


def _dense_layers(block: DenseBlock) -> list[Layer]:
    layers: list[Layer] = [Dense(units=block.units)]
    if block.activation != "none":
        layers.append(Activation(function=block.activation))
    if block.dropout:
        layers.append(Dropout(rate=block.dropout))
    return layers
