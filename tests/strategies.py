"""Hypothesis strategies for specs: whatever is valid, extremes included, or, with ``small``, cheap to run."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from explorer.blocks import MAX_BLOCKS, MAX_DENSE, Blocks, ConvBlock, DenseBlock
from explorer.shapes import repair
from explorer.spec import (
    Activation,
    ActivationName,
    Affine,
    Augmentation,
    BatchNorm,
    Conv,
    DataSpec,
    Dense,
    DeviceName,
    Dropout,
    Flatten,
    GlobalAveragePool,
    InitializationName,
    Layer,
    LayoutName,
    ModelSpec,
    OptimizerName,
    Output,
    Pool,
    PrecisionName,
    RunSpec,
    ScheduleName,
    TrainSpec,
)

activations = st.sampled_from(get_args(ActivationName))
rates = st.floats(0.01, 0.99)


def strides(*, small: bool = False) -> st.SearchStrategy[int]:
    return st.integers(1, 3 if small else 8)


def kernel_sizes(*, small: bool = False) -> st.SearchStrategy[int]:
    return st.integers(1, 7 if small else 31)


def paddings(*, small: bool = False) -> st.SearchStrategy[str | int]:
    return st.sampled_from(["valid", "same"]) | st.integers(0, 3 if small else 15)


def widths(*, small: bool = False, most: int) -> st.SearchStrategy[int]:
    """Numbers of kernels or units."""
    return st.integers(1, 5 if small else most)


def convs(*, small: bool = False) -> st.SearchStrategy[Conv]:
    return st.builds(
        Conv,
        kernels=widths(small=small, most=1024),
        kernel_size=kernel_sizes(small=small),
        stride=strides(small=small),
        padding=paddings(small=small),
        bias=st.booleans(),
    )


def pools(*, small: bool = False) -> st.SearchStrategy[Pool]:
    sides = st.integers(1, 4 if small else 31)
    return st.builds(Pool, mode=st.sampled_from(["max", "average"]), size=sides, stride=sides)


def _with_tables(draw: st.DrawFn, layers: list[Layer]) -> list[Layer]:
    """Some convolutions behind another one see only some of its maps."""
    found: list[Layer] = []
    width = 0
    for layer in layers:
        if isinstance(layer, Conv):
            if (
                width
                and layer.kernels <= 5
                and (layer.padding != "same" or layer.kernel_size % 2)
                and draw(st.booleans())
            ):
                rows = st.sets(st.integers(0, width - 1), min_size=1, max_size=4).map(lambda maps: tuple(sorted(maps)))
                table = draw(st.tuples(*[rows] * layer.kernels))
                layer = Conv.model_validate({**layer.model_dump(), "connections": table})
            width = layer.kernels
        found.append(layer)
    return found


@st.composite
def model_specs(draw: st.DrawFn, *, small: bool = False, most_layers: int = 12) -> ModelSpec:
    """Layers in any order that a ModelSpec allows, also those that the builder has no form for."""
    anywhere: st.SearchStrategy[Layer] = (
        st.builds(BatchNorm)
        | st.builds(Affine)
        | st.builds(Activation, function=activations)
        | st.builds(Dropout, rate=rates)
    )
    maps = draw(st.lists(convs(small=small) | pools(small=small) | anywhere, max_size=most_layers // 2))
    maps = _with_tables(draw, maps)
    bridge = draw(st.sampled_from([Flatten(), GlobalAveragePool()]))
    dense = st.builds(Dense, units=widths(small=small, most=8192))
    vectors = draw(st.lists(dense | anywhere, max_size=most_layers // 2))
    return ModelSpec(layers=(*maps, bridge, *vectors, Output()))


def conv_blocks(*, small: bool = False) -> st.SearchStrategy[ConvBlock]:
    sides = st.integers(1, 4 if small else 31)
    return st.builds(
        ConvBlock,
        kernels=widths(small=small, most=1024),
        kernel_size=kernel_sizes(small=small),
        stride=strides(small=small),
        padding=paddings(small=small),
        batch_norm=st.booleans(),
        activation=activations | st.just("none"),
        pool=st.sampled_from(["none", "max", "average"]),
        pool_size=sides,
        pool_stride=sides,
        dropout=st.just(0.0) | rates,
    )


def dense_blocks(*, small: bool = False) -> st.SearchStrategy[DenseBlock]:
    return st.builds(
        DenseBlock,
        units=widths(small=small, most=8192),
        activation=activations | st.just("none"),
        dropout=st.just(0.0) | rates,
    )


def blocks(*, small: bool = False) -> st.SearchStrategy[Blocks]:
    """What the builder can hold."""
    return st.builds(
        Blocks,
        convs=st.lists(conv_blocks(small=small), max_size=MAX_BLOCKS).map(tuple),
        bridge=st.sampled_from(["flatten", "global_average_pool"]),
        dense=st.lists(dense_blocks(small=small), max_size=MAX_DENSE).map(tuple),
    )


@st.composite
def input_shapes(draw: st.DrawFn) -> tuple[int, int, int]:
    """Small images, grey or coloured, square or not, down to a single pixel."""
    height = draw(st.integers(1, 32))
    width = draw(st.just(height) | st.integers(1, 32))
    return draw(st.integers(1, 3)), height, width


@st.composite
def working_models(draw: st.DrawFn) -> tuple[ModelSpec, tuple[int, int, int]]:
    """A small network in any order of layers, and an image's shape with which it works."""
    shape = draw(input_shapes())
    return repair(draw(model_specs(small=True)), shape, 2), shape


augmentations = st.builds(
    Augmentation,
    shift=st.floats(0, 10),
    rotate=st.floats(0, 180),
    scale=st.floats(0, 0.9),
    elastic=st.floats(0, 5),
    slant=st.floats(0, 45),
    thickness=st.floats(0, 1),
)

data_specs = st.builds(
    DataSpec,
    dataset=st.sampled_from(["mnist", "fashion_mnist"]),
    train_size=st.none() | st.integers(10, 60_000),
    validation_share=st.floats(0.01, 0.5),
    split_seed=st.integers(0, 2**31 - 1),
)

train_specs = st.builds(
    TrainSpec,
    optimizer=st.sampled_from(get_args(OptimizerName)),
    learning_rate=st.floats(1e-6, 10),
    schedule=st.sampled_from(get_args(ScheduleName)),
    batch_size=st.integers(1, 16_384),
    epochs=st.integers(1, 1_000),
    weight_decay=st.floats(0, 1),
    label_smoothing=st.floats(0, 0.99),
    augmentation=augmentations,
    initialization=st.sampled_from(get_args(InitializationName)),
    patience=st.none() | st.integers(1, 1_000),
    seed=st.integers(0, 2**31 - 1),
    device=st.sampled_from(get_args(DeviceName)),
    precision=st.sampled_from(get_args(PrecisionName)),
    memory_format=st.sampled_from(["auto", *get_args(LayoutName)]),
)

names = st.text(min_size=1, max_size=80).filter(lambda text: bool(text.strip()) and text.isprintable())


@st.composite
def run_specs(draw: st.DrawFn) -> RunSpec:
    return RunSpec(name=draw(names), model=draw(model_specs()), data=draw(data_specs), train=draw(train_specs))
