"""The builder's blocks and the flat network are two ways to write the same; presets are what they are said to be."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import blocks, model_specs

from explorer.blocks import MAX_BLOCKS, MAX_DENSE, Blocks, ConvBlock, DenseBlock, Place, from_model, place, to_model
from explorer.errors import SpecError
from explorer.presets import PRESETS, preset
from explorer.shapes import totals, trace
from explorer.spec import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    ModelSpec,
    Output,
    Pool,
)

DIGIT = (1, 28, 28)


def told(shapes: Blocks) -> Blocks:
    """The blocks without what makes no difference: settings of a pooling that is switched off."""
    convs = tuple(
        block.model_copy(update={"pool_size": 2, "pool_stride": 2}) if block.pool == "none" else block
        for block in shapes.convs
    )
    return shapes.model_copy(update={"convs": convs})


@given(blocks())
def test_blocks_come_back_from_the_network_they_make(shapes: Blocks) -> None:
    assert from_model(to_model(shapes)) == told(shapes)


@given(model_specs() | blocks().map(to_model))
def test_a_network_has_exactly_its_block_form_or_none(spec: ModelSpec) -> None:
    shapes = from_model(spec)
    assert shapes is None or to_model(shapes) == spec


CONV = Conv(kernels=2, kernel_size=3)


@pytest.mark.parametrize(
    "layers",
    [
        (Pool(), CONV, Flatten()),
        (CONV, Activation(), BatchNorm(), Flatten()),
        (CONV, Pool(), Activation(), Flatten()),
        (CONV, Pool(), Pool(), Flatten()),
        (CONV, Dropout(), Pool(), Flatten()),
        (CONV.model_copy(update={"bias": False}), Flatten()),
        (CONV, Flatten(), Activation(), Dense(units=2)),
        (CONV, Flatten(), Dense(units=2), BatchNorm()),
        (Flatten(), Activation(), Dense(units=2)),
        (*(CONV,) * (MAX_BLOCKS + 1), Flatten()),
        (Flatten(), *(Dense(units=2),) * (MAX_DENSE + 1)),
    ],
)
def test_other_orders_have_no_block_form(layers: tuple[object, ...]) -> None:
    assert from_model(ModelSpec.model_validate({"layers": (*layers, Output())})) is None


@given(blocks())
@example(Blocks())
def test_each_layer_belongs_to_the_block_that_wrote_it(shapes: Blocks) -> None:
    """A block's layers are those by which the network grows when the block is added to those before it."""

    def layers(convs: int, dense: int) -> int:
        part = shapes.model_copy(update={"convs": shapes.convs[:convs], "dense": shapes.dense[:dense]})
        return len(to_model(part).layers)

    expected = [Place("convs", n) for n in range(len(shapes.convs)) for _ in range(layers(n + 1, 0) - layers(n, 0))]
    expected.append(Place("head", 0))
    expected += [Place("dense", n) for n in range(len(shapes.dense)) for _ in range(layers(0, n + 1) - layers(0, n))]
    expected.append(Place("head", 0))
    assert [place(shapes, index) for index in range(len(to_model(shapes).layers))] == expected


def test_a_blocks_parts_stand_in_their_order() -> None:
    full = ConvBlock(
        kernels=4, kernel_size=5, stride=2, padding="same", batch_norm=True, activation="gelu",
        pool="average", pool_size=3, pool_stride=1, dropout=0.5,
    )  # fmt: skip
    shapes = Blocks(
        convs=(full, ConvBlock(kernels=3, activation="none")),
        bridge="global_average_pool",
        dense=(DenseBlock(units=7, activation="tanh", dropout=0.25), DenseBlock(units=6, activation="none")),
    )
    assert to_model(shapes).layers == (
        Conv(kernels=4, kernel_size=5, stride=2, padding="same"),
        BatchNorm(),
        Activation(function="gelu"),
        Pool(mode="average", size=3, stride=1),
        Dropout(rate=0.5),
        Conv(kernels=3, kernel_size=3),
        GlobalAveragePool(),
        Dense(units=7),
        Activation(function="tanh"),
        Dropout(rate=0.25),
        Dense(units=6),
        Output(),
    )


@given(st.integers(MAX_BLOCKS + 1, 20))
def test_there_are_only_so_many_blocks(count: int) -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_BLOCKS} items"):
        Blocks(convs=(ConvBlock(),) * count)


# --- presets --------------------------------------------------------------------------------------------------------


def test_the_article_is_as_the_article_describes_it() -> None:
    relu = Activation(function="relu")
    halve = Pool(mode="max", size=2, stride=2)
    assert PRESETS["article"].model.layers == (
        Conv(kernels=32, kernel_size=3, stride=1, padding="valid"),
        relu,
        halve,
        Conv(kernels=64, kernel_size=3, stride=1, padding="valid"),
        relu,
        halve,
        Flatten(),
        Dense(units=128),
        relu,
        Output(),
    )


def test_the_names_there_are() -> None:
    assert set(PRESETS) == {"softmax", "mlp", "lenet5", "article", "tiny", "vgg", "allconv", "robust", "best"}
    assert all(preset(name) is PRESETS[name] and PRESETS[name].name == name for name in PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_works_on_digits_and_in_the_builder(name: str) -> None:
    assert trace(PRESETS[name].model, DIGIT, 10)[-1].output == (10,)
    assert from_model(PRESETS[name].model) == PRESETS[name].blocks
    assert PRESETS[name].title
    assert PRESETS[name].about.endswith(".")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("article", 225_034),
        ("lenet5", 61_706),
        ("softmax", 28 * 28 * 10 + 10),
        ("mlp", 785 * 256 + 257 * 128 + 129 * 10),
    ],
)
def test_presets_have_the_numbers_of_parameters_known_of_them(name: str, parameters: int) -> None:
    assert totals(trace(PRESETS[name].model, DIGIT, 10)).parameters == parameters


def test_tiny_is_tiny() -> None:
    assert totals(trace(PRESETS["tiny"].model, DIGIT, 10)).parameters < 8_000


def test_allconv_neither_pools_nor_flattens() -> None:
    kinds = {type(layer) for layer in PRESETS["allconv"].model.layers}
    assert GlobalAveragePool in kinds
    assert not kinds & {Pool, Flatten, Dense}


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SpecError, match=r"'resnet'; there are: article, lenet5"):
        preset("resnet")
