"""What is trained, stored, linked, exported and cached by: frozen values that are valid if they exist.

A :class:`ModelSpec` is a sequence of layers, independent of the data set: the input's shape and the number of
classes come from the data set's card. A :class:`RunSpec` adds the data and the recipe. All of them round-trip
through JSON (pydantic) and through a short URL-safe text (:func:`to_link`, :func:`from_link`).

Whether the layers' shapes fit together depends on the input, so that is :mod:`explorer.shapes`' subject.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections import Counter
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from explorer.errors import SpecError

MAX_LINK_CHARACTERS = 6_000
MAX_LINK_BYTES = 100_000
MAX_LAYERS = 64
MAX_FROZEN = 12
MAX_FROZEN_WEIGHT = 1_000.0

Kernel = tuple[tuple[float, ...], ...]
"""A square matrix of weights, its rows from top to bottom."""

Spec = TypeVar("Spec", bound=BaseModel)

ActivationName = Literal["relu", "leaky_relu", "gelu", "tanh", "scaled_tanh", "sigmoid"]
OptimizerName = Literal["sgd", "momentum", "adam", "adamw"]
ScheduleName = Literal["constant", "cosine", "one_cycle"]
InitializationName = Literal[
    "default", "kaiming_normal", "kaiming_uniform", "xavier_normal", "xavier_uniform", "orthogonal"
]
DeviceName = Literal["auto", "cpu", "cuda", "mps", "xpu"]
ArithmeticName = Literal["float32", "bfloat16"]
PrecisionName = Literal["auto", ArithmeticName]
LayoutName = Literal["channels_last", "channels_first"]
MemoryFormatName = Literal["auto", LayoutName]


class FrozenSpec(BaseModel):
    """Immutable, hashable, complete: unknown fields, NaN and infinities are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# --- layers ---------------------------------------------------------------------------------------------------------


class Conv(FrozenSpec):
    """Two-dimensional convolution (cross-correlation, as in PyTorch) with square kernels.

    ``padding`` is the number of zeros on each side; ``"valid"`` is 0. ``"same"`` adds ``kernel_size - 1`` zeros in
    all, the odd one at the bottom and right, so that stride 1 keeps the map's size and stride s gives ceil(size / s).

    ``connections`` says for each kernel which input maps it sees, as LeNet-5's table does (LeCun et al. 1998, table I);
    None: all of them. It is written only where there is one.
    """

    kind: Literal["conv"] = "conv"
    kernels: int = Field(ge=1, le=1024)
    kernel_size: int = Field(ge=1, le=31)
    stride: int = Field(default=1, ge=1, le=8)
    padding: Literal["valid", "same"] | Annotated[int, Field(ge=0, le=15)] = "valid"
    bias: bool = True
    connections: tuple[tuple[Annotated[int, Field(ge=0, lt=1024)], ...], ...] | None = Field(
        default=None, exclude_if=lambda table: table is None
    )

    def sees(self, kernel: int, channel: int) -> bool:
        """Whether the kernel of that number is connected with that input map."""
        return self.connections is None or channel in self.connections[kernel]

    @model_validator(mode="after")
    def _table_fits(self) -> Self:
        if self.connections is None:
            return self
        if self.padding == "same" and self.kernel_size % 2 == 0:
            raise ValueError("a table of connections needs the same padding on both sides: give it as a number")
        if len(self.connections) != self.kernels:
            raise ValueError(f"the table of connections has {len(self.connections)} rows for {self.kernels} kernels")
        for number, maps in enumerate(self.connections):
            if not maps or list(maps) != sorted(set(maps)):
                raise ValueError(f"kernel {number}'s connections: name at least one map, each once, in ascending order")
        return self


class BatchNorm(FrozenSpec):
    """Batch normalisation (Ioffe & Szegedy 2015) with learned scale and shift, per channel or per unit."""

    kind: Literal["batch_norm"] = "batch_norm"


class Affine(FrozenSpec):
    """A learned coefficient and a learned bias for each channel or unit, as LeNet-5's subsampling has (LeCun et al.
    1998)."""

    kind: Literal["affine"] = "affine"


class Activation(FrozenSpec):
    """An element-wise non-linearity. ``leaky_relu`` has slope 0.01 below zero; ``gelu`` is the exact form;
    ``scaled_tanh`` is 1.7159 tanh(2x/3), which leaves 1 and -1 where they are (LeCun et al. 1998, appendix A)."""

    kind: Literal["activation"] = "activation"
    function: ActivationName = "relu"


class Pool(FrozenSpec):
    """Max or average pooling over square windows, without padding."""

    kind: Literal["pool"] = "pool"
    mode: Literal["max", "average"] = "max"
    size: int = Field(default=2, ge=1, le=31)
    stride: int = Field(default=2, ge=1, le=31)


class Dropout(FrozenSpec):
    """Zeroes each element with probability ``rate`` while training; does nothing afterwards."""

    kind: Literal["dropout"] = "dropout"
    rate: float = Field(default=0.25, gt=0.0, lt=1.0)


class Flatten(FrozenSpec):
    """Feature maps (C, H, W) to one vector of C·H·W numbers."""

    kind: Literal["flatten"] = "flatten"


class GlobalAveragePool(FrozenSpec):
    """Each feature map to its mean: (C, H, W) to a vector of C numbers (Lin et al. 2013)."""

    kind: Literal["global_average_pool"] = "global_average_pool"


class Dense(FrozenSpec):
    """A fully connected layer."""

    kind: Literal["dense"] = "dense"
    units: int = Field(ge=1, le=8192)


class Output(FrozenSpec):
    """The last fully connected layer: one logit a class. The data set says how many classes there are.

    With ``codes`` nothing in it is learned, as in LeNet-5 (LeCun et al. 1998): class i stands for a picture c_i of 84
    pixels, each +1 or -1 (:mod:`explorer.bitmaps`), and is the less likely the farther the layer's 84 inputs x are from
    it. The negative squared distance -|x - c_i|² is 2 c_i·x less what is the same for all classes, |x|² + 84; without
    that, which changes no probability, the logit is a weighted sum as everywhere, with weights 2 c_i.
    """

    kind: Literal["output"] = "output"
    codes: bool = Field(default=False, exclude_if=lambda codes: not codes)


Layer = Annotated[
    Conv | BatchNorm | Affine | Activation | Pool | Dropout | Flatten | GlobalAveragePool | Dense | Output,
    Field(discriminator="kind"),
]

MAP_LAYERS = (Conv, Pool)
"""Layers that need feature maps; they stand before Flatten or GlobalAveragePool."""

_NAME = {
    "conv": "conv",
    "batch_norm": "norm",
    "affine": "affine",
    "pool": "pool",
    "dropout": "dropout",
    "flatten": "flatten",
    "global_average_pool": "gap",
    "dense": "dense",
    "output": "output",
}
_UNNUMBERED = {"flatten", "gap", "output"}


class ModelSpec(FrozenSpec):
    """A network: maps (Conv, BatchNorm, Affine, Activation, Pool, Dropout), one Flatten or GlobalAveragePool, then
    vectors (Dense, BatchNorm, Affine, Activation, Dropout), and last Output."""

    layers: tuple[Layer, ...] = Field(min_length=2, max_length=MAX_LAYERS)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        bridges = [i for i, layer in enumerate(self.layers) if isinstance(layer, Flatten | GlobalAveragePool)]
        if len(bridges) != 1:
            raise ValueError("a network needs exactly one flatten or global average pooling between maps and vectors")
        outputs = [i for i, layer in enumerate(self.layers) if isinstance(layer, Output)]
        if outputs != [len(self.layers) - 1]:
            raise ValueError("a network needs exactly one output layer, at its end")
        bridge = self.layers[bridges[0]].kind
        for index, layer in enumerate(self.layers):
            if isinstance(layer, MAP_LAYERS) and index > bridges[0]:
                raise ValueError(
                    f"layer {index + 1}: {layer.kind} needs feature maps, so it must stand before {bridge}"
                )
            if isinstance(layer, Dense) and index < bridges[0]:
                raise ValueError(f"layer {index + 1}: a dense layer needs a vector, so it must stand after {bridge}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """One readable, unique name a layer: conv1, norm1, relu1, pool1, dropout1, flatten, dense1, output."""
        counts: Counter[str] = Counter()
        names = []
        for layer in self.layers:
            stem = layer.function if isinstance(layer, Activation) else _NAME[layer.kind]
            counts[stem] += 1
            names.append(stem if stem in _UNNUMBERED else f"{stem}{counts[stem]}")
        return tuple(names)

    @property
    def convolves(self) -> bool:
        """Whether it computes maps, whose order in memory matters."""
        return any(isinstance(layer, Conv) for layer in self.layers)


# --- data and recipe ------------------------------------------------------------------------------------------------


class DataSpec(FrozenSpec):
    """Which images are learned from. ``train_size`` counts training images after the validation share is taken
    (None: all); the splits are stratified and depend on ``split_seed`` alone."""

    dataset: str = Field(default="mnist", pattern=r"^[a-z0-9_]{1,40}$")
    train_size: int | None = Field(default=None, ge=10, le=10_000_000)
    validation_share: float = Field(default=0.1, ge=0.01, le=0.5)
    split_seed: int = Field(default=0, ge=0, le=2**31 - 1)


class Augmentation(FrozenSpec):
    """Random changes to each training image, drawn anew each time it is seen; 0 switches one off.

    ``shift`` in pixels, ``rotate`` and ``slant`` in degrees, ``scale`` as a fraction (0.1: 90 % to 110 %) and
    ``thickness``, pixels by which strokes grow or shrink at each edge, are each uniform between minus and plus their
    value; ``elastic`` is the displacement's standard deviation in pixels (Simard et al. 2003). Slant and thickness are
    written only where they are on: a recipe without them is written as it was before there were any.
    """

    shift: float = Field(default=0.0, ge=0.0, le=10.0)
    rotate: float = Field(default=0.0, ge=0.0, le=180.0)
    scale: float = Field(default=0.0, ge=0.0, le=0.9)
    elastic: float = Field(default=0.0, ge=0.0, le=5.0)
    slant: float = Field(default=0.0, ge=0.0, le=45.0, exclude_if=lambda degrees: not degrees)
    thickness: float = Field(default=0.0, ge=0.0, le=1.0, exclude_if=lambda pixels: not pixels)

    @property
    def moves(self) -> bool:
        """Whether images are shifted, turned, scaled or slanted."""
        return any((self.shift, self.rotate, self.scale, self.slant))

    def __bool__(self) -> bool:
        return self.moves or any((self.elastic, self.thickness))


class TrainSpec(FrozenSpec):
    """The recipe. ``momentum`` is used by the optimiser of that name (0.9, as everybody does); ``patience`` is the
    number of epochs without a better validation loss after which training stops, None never. ``precision``
    "auto" is the faster one of the two, tried when training begins; the result says which one it was. The same holds
    for ``memory_format``, in which order a map's pixels lie in memory: it decides about speed and the last bits alone,
    and is written only where it is chosen.

    ``frozen_kernels`` are the weights of the first convolution's first kernels, the same for each of its input
    channels. They are given, not learned, and stay as they are; their biases are learned as all others. A recipe
    without any is written as it was before there were any.
    """

    optimizer: OptimizerName = "adamw"
    learning_rate: float = Field(default=0.002, gt=0.0, le=10.0)
    schedule: ScheduleName = "one_cycle"
    batch_size: int = Field(default=128, ge=1, le=16_384)
    epochs: int = Field(default=3, ge=1, le=1_000)
    weight_decay: float = Field(default=0.0001, ge=0.0, le=1.0)
    label_smoothing: float = Field(default=0.0, ge=0.0, lt=1.0)
    augmentation: Augmentation = Augmentation()
    initialization: InitializationName = "default"
    patience: int | None = Field(default=None, ge=1, le=1_000)
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    device: DeviceName = "auto"
    precision: PrecisionName = "auto"
    memory_format: MemoryFormatName = Field(default="auto", exclude_if=lambda name: name == "auto")
    frozen_kernels: tuple[
        tuple[tuple[Annotated[float, Field(ge=-MAX_FROZEN_WEIGHT, le=MAX_FROZEN_WEIGHT)], ...], ...], ...
    ] = Field(default=(), max_length=MAX_FROZEN, exclude_if=lambda kernels: not kernels)

    @field_validator("frozen_kernels")
    @classmethod
    def _square_and_of_one_size(cls, kernels: tuple[Kernel, ...]) -> tuple[Kernel, ...]:
        for number, kernel in enumerate(kernels):
            widths = {len(row) for row in kernel}
            if widths != {len(kernel)}:
                raise ValueError(f"kernel {number} is not square: give it as many numbers in each row as it has rows")
            if len(kernel) != len(kernels[0]):
                raise ValueError(
                    f"kernel {number} is {len(kernel)}×{len(kernel)}, kernel 0 {len(kernels[0])}×{len(kernels[0])}: "
                    "give all of them one size"
                )
        return kernels


class RunSpec(FrozenSpec):
    """Everything that decides a training run's result."""

    name: str = Field(default="network", min_length=1, max_length=80)
    model: ModelSpec
    data: DataSpec = DataSpec()
    train: TrainSpec = TrainSpec()

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.strip() or not name.isprintable():
            raise ValueError("a name needs at least one visible character and no control characters")
        return name.strip()

    def renamed(self, name: str) -> RunSpec:
        """The same under another name. Raises SpecError where that can't be one."""
        return from_json(RunSpec, self.model_copy(update={"name": name}).model_dump_json())

    @model_validator(mode="after")
    def _frozen_kernels_fit(self) -> Self:
        fault = frozen_fault(self.model, self.train.frozen_kernels)
        if fault:
            raise ValueError(fault)
        return self


def frozen_fault(model: ModelSpec, kernels: tuple[Kernel, ...]) -> str | None:
    """Why these can't be the network's frozen kernels and what to do about it, in one sentence, or None if they can."""
    if not kernels:
        return None
    first = next((layer for layer in model.layers if isinstance(layer, Conv)), None)
    if first is None:
        return "frozen kernels need a convolution, and this network has none: add one, or remove the frozen kernels"
    size, wanted = len(kernels[0]), first.kernel_size
    if size != wanted:
        return (
            f"the frozen kernels are {size}×{size}, the first convolution's {wanted}×{wanted}: "
            f"set its kernel size to {size}, or remove the frozen kernels"
        )
    if len(kernels) > first.kernels:
        return (
            f"there are {len(kernels)} frozen kernels, and the first convolution has {first.kernels} in all: "
            f"give it {len(kernels)} or more, or remove the frozen ones"
        )
    return None


# --- JSON and links -------------------------------------------------------------------------------------------------


def from_json(kind: type[Spec], text: str | bytes) -> Spec:
    """Parses JSON into a spec. Raises SpecError with the first fault and its place, never pydantic's own error."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise SpecError(sentence(error)) from None


def from_text(text: str) -> RunSpec:
    """A run's spec in whatever form its user has it: as JSON, bare or as the ``spec`` of a card, or as a link to the
    builder. Raises SpecError."""
    text = text.strip()
    if not text.startswith("{"):
        link = re.search(r"[?&]spec=([\w-]+)", text)
        return from_link(RunSpec, link[1] if link else text)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise SpecError("this description of a network is no JSON, or is cut off: export or copy it again") from None
    return from_json(RunSpec, json.dumps(values["spec"]) if "spec" in values else text)


def sentence(error: ValidationError) -> str:
    """The first fault of a validation error as one sentence: where, what, and the value that was given."""
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"]) or "the whole"
    given = fault.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float) and len(repr(given)) <= 60 else ""
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}{shown}"


def to_link(spec: BaseModel) -> str:
    """A spec as short URL-safe text: its JSON without default values, deflated, base64url without padding."""
    # `kind` is a default, too, but tells the layers apart, so it must stay.
    slim = _without_defaults(spec)
    packed = zlib.compress(json.dumps(slim, separators=(",", ":")).encode(), level=9, wbits=-15)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def from_link(kind: type[Spec], text: str) -> Spec:
    """The inverse of :func:`to_link`. Raises SpecError for anything else, however large or damaged."""
    if len(text) > MAX_LINK_CHARACTERS:
        raise SpecError(
            f"this link's network is {len(text):,} characters long; at most {MAX_LINK_CHARACTERS:,} are read"
        )
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        inflater = zlib.decompressobj(wbits=-15)
        raw = inflater.decompress(packed, MAX_LINK_BYTES)
        if not inflater.eof:
            raise SpecError("this link's network is cut off or too large: ask for the link again")
    except (binascii.Error, zlib.error, ValueError):
        raise SpecError("this link's network is damaged: ask for the link again") from None
    return from_json(kind, raw)


def _without_defaults(value: object) -> object:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        kept = {
            name: _without_defaults(content)
            for name, content in value
            if name == "kind" or fields[name].is_required() or content != fields[name].get_default()
        }
        return kept
    if isinstance(value, tuple):
        return [_without_defaults(item) for item in value]
    return value
