"""What each layer of a network makes of its input, counted before anything is built: shapes, learnable parameters,
multiply-accumulates, receptive field, memory.

Receptive fields after Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks" (2019).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from explorer.bitmaps import CODES
from explorer.errors import SpecError
from explorer.shapes.windows import Field, Shape, conv_fault, padding, pool_fault, size_formula, slide
from explorer.spec import Affine, BatchNorm, Conv, Dense, Flatten, GlobalAveragePool, Layer, ModelSpec, Output, Pool

FLOAT_BYTES = 4

MAX_PARAMETERS = 50_000_000
MAX_MACS = 20_000_000_000
MAX_ACTIVATION_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class LayerShape:
    """One layer of a traced network.

    ``macs`` counts one multiply-accumulate a weight and output position, for one image: kernels · channels ·
    kernel_size² · height · width of a convolution's output (zeros of the padding included), inputs · outputs of a
    dense layer. Additions of biases, normalisation, affine maps, activations and pooling count 0.

    ``receptive_field`` is the side, in input pixels, of the square that one unit depends on; ``jump`` is the distance
    between the squares of neighbouring units and ``offset`` where the first one begins (negative in the padding). So
    row i of a map sees input rows ``offset + i·jump`` up to, not including, that plus ``receptive_field``. It is the
    theoretical field: with padding it can be larger than the image. A dense layer sees what the whole map sees.

    ``activation_bytes`` is the layer's output for one image, ``parameter_bytes`` its learnable parameters, both as
    float32. ``formula`` is the output size and ``parameter_formula`` the number of parameters with the numbers filled
    in, empty where there is nothing to work out.
    """

    index: int
    name: str
    layer: Layer
    input: Shape
    output: Shape
    parameters: int
    macs: int
    receptive_field: int
    jump: int
    activation_bytes: int
    parameter_bytes: int
    formula: str
    parameter_formula: str
    offset: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the layers of a traced network, in the units of :class:`LayerShape`."""

    parameters: int
    macs: int
    activation_bytes: int
    parameter_bytes: int


def totals(layers: Sequence[LayerShape]) -> Totals:
    """Adds the layers up."""
    return Totals(
        parameters=sum(layer.parameters for layer in layers),
        macs=sum(layer.macs for layer in layers),
        activation_bytes=sum(layer.activation_bytes for layer in layers),
        parameter_bytes=sum(layer.parameter_bytes for layer in layers),
    )


def trace(model: ModelSpec, input_shape: Shape, classes: int) -> tuple[LayerShape, ...]:
    """Follows an image of ``input_shape`` (C, H, W) through all layers.

    Raises SpecError, with the layer's index, where a window is larger than its map or the network is too large, and
    without one where the input or the number of classes makes no sense.
    """
    layers, error = partial(model, input_shape, classes)
    if error:
        raise error
    return layers


def partial(model: ModelSpec, input_shape: Shape, classes: int) -> tuple[tuple[LayerShape, ...], SpecError | None]:
    """As :func:`trace`, but returns what can be traced and the error beside it, or None.

    The layers end before the first one that cannot work. A network that is only too large is traced to its end.
    """
    if len(input_shape) != 3 or min(input_shape) < 1 or classes < 1:
        shown = "×".join(map(str, input_shape))
        return (), SpecError(
            f"{shown} images in {classes} classes can't be learned: a network needs images of "
            "channels × height × width and at least one class"
        )
    traced: list[LayerShape] = []
    shape, field, spread = tuple(input_shape), Field(), 1
    for index, (name, layer) in enumerate(zip(model.names, model.layers, strict=True)):
        try:
            output, formula = _output(layer, name, shape, classes)
        except SpecError as error:
            return tuple(traced), SpecError(str(error), layer=index)
        match layer:
            case Conv():
                field = field.through(layer.kernel_size, layer.stride, padding(layer)[0])
            case Pool():
                field = field.through(layer.size, layer.stride, 0)
            case GlobalAveragePool():
                field = field.through(max(shape[1:]), 1, 0)
            case Flatten():
                spread = max(shape[1:])  # the vector's numbers still see what their units saw; a dense layer sees all
            case Dense() | Output():
                field, spread = field.through(spread, 1, 0), 1
            case _:
                pass
        parameters, parameter_formula = _parameters(layer, shape, output)
        traced.append(
            LayerShape(
                index=index,
                name=name,
                layer=layer,
                input=shape,
                output=output,
                parameters=parameters,
                macs=_macs(layer, shape, output),
                receptive_field=field.size,
                jump=field.jump,
                activation_bytes=FLOAT_BYTES * math.prod(output),
                parameter_bytes=FLOAT_BYTES * parameters,
                formula=formula,
                parameter_formula=parameter_formula,
                offset=field.offset,
            )
        )
        shape = output
    return tuple(traced), _too_large(traced)


def _output(layer: Layer, name: str, shape: Shape, classes: int) -> tuple[Shape, str]:
    """The output's shape and the formula that gives it. Raises SpecError without a place."""
    match layer:
        case Conv(kernel_size=window, stride=stride):
            unknown = [number for maps in layer.connections or () for number in maps if number >= shape[0]]
            if unknown:
                raise SpecError(f"{name} is to see input map {unknown[0]}, but there are only 0 to {shape[0] - 1}")
            before, after = padding(layer)
            sides = tuple(slide(side, window, stride, before + after) for side in shape[1:])
            if min(sides) < 1:
                raise SpecError(conv_fault(layer, name, shape))
            zeros = f"2·{before}" if before == after else f"{before + after}"
            return (layer.kernels, *sides), size_formula(shape[1:], window, stride, zeros, sides)
        case Pool(size=window, stride=stride):
            sides = tuple(slide(side, window, stride, 0) for side in shape[1:])
            if min(sides) < 1:
                raise SpecError(pool_fault(layer, name, shape))
            return (shape[0], *sides), size_formula(shape[1:], window, stride, "2·0", sides)
        case Flatten():
            return (math.prod(shape),), f"{_product(shape)} = {math.prod(shape):,}"
        case GlobalAveragePool():
            return (shape[0],), ""
        case Dense(units=units):
            return (units,), ""
        case Output(codes=True) if (classes, *shape) != (len(CODES), len(CODES[0])):
            raise SpecError(
                f"{name} compares {len(CODES[0])} numbers with the codes of {len(CODES)} digits: here it gets "
                f"{shape[0]:,}, and there are {classes} classes"
            )
        case Output():
            return (classes,), ""
        case _:
            return shape, ""


def _parameters(layer: Layer, shape: Shape, output: Shape) -> tuple[int, str]:
    match layer:
        case Conv(kernel_size=k, kernels=kernels, bias=bias, connections=table) if table is not None:
            links = sum(map(len, table))
            count = k * k * links + bias * kernels
            return count, f"{k}·{k}·{links:,}{f' + {kernels:,}' if bias else ''} = {count:,}"
        case Conv(kernel_size=k, kernels=kernels, bias=bias):
            count = (k * k * shape[0] + bias) * kernels
            weights = f"{k}·{k}·{shape[0]:,}"
            return count, f"({weights} + 1)·{kernels:,} = {count:,}" if bias else f"{weights}·{kernels:,} = {count:,}"
        case BatchNorm() | Affine():
            return 2 * shape[0], f"2·{shape[0]:,} = {2 * shape[0]:,}"
        case Output(codes=True):
            return 0, ""
        case Dense() | Output():
            count = (shape[0] + 1) * output[0]
            return count, f"({shape[0]:,} + 1)·{output[0]:,} = {count:,}"
        case _:
            return 0, ""


def _macs(layer: Layer, shape: Shape, output: Shape) -> int:
    match layer:
        case Conv(kernel_size=k, connections=table):
            links = shape[0] * output[0] if table is None else sum(map(len, table))
            return k * k * links * math.prod(output[1:])
        case Dense() | Output():
            return shape[0] * output[0]
        case _:
            return 0


def _product(shape: Shape) -> str:
    return " · ".join(f"{side:,}" for side in shape)


# --- too large ------------------------------------------------------------------------------------------------------

_LIMITS = (
    ("parameters", MAX_PARAMETERS, "learnable parameters"),
    ("macs", MAX_MACS, "multiply-accumulates an image"),
    ("activation_bytes", MAX_ACTIVATION_BYTES, "bytes of feature maps an image"),
)


def largest(layers: Sequence[LayerShape]) -> tuple[tuple[LayerShape, ...], str]:
    """The layers, those first that have most of what the network has too much of, and the fault; or no layers."""
    for attribute, limit, what in _LIMITS:
        counts = {layer.index: int(getattr(layer, attribute)) for layer in layers}
        total = sum(counts.values())
        if total > limit:
            ranked = tuple(sorted(layers, key=lambda layer: -counts[layer.index]))
            return ranked, f"has {counts[ranked[0].index]:,} of {total:,} {what}, and at most {limit:,} are allowed"
    return (), ""


def _too_large(layers: Sequence[LayerShape]) -> SpecError | None:
    ranked, fault = largest(layers)
    if not ranked:
        return None
    worst = ranked[0]
    match worst.layer:
        case Conv():
            remedy = "use fewer kernels"
        case Dense():
            remedy = "use fewer units, or pooling before it"
        case _:
            remedy = "use fewer kernels or units, or pooling, before it"
    return SpecError(f"{worst.name} {fault}: {remedy}", layer=worst.index)
