"""Shapes, parameters and receptive fields against a plain PyTorch run of the same layers; repair against its promises.

Multiply-accumulates are compared with PyTorch's own counter in test_models.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference import noise, run
from strategies import blocks, conv_blocks, convs, input_shapes, model_specs, pools
from torch.nn import functional

from explorer.blocks import Blocks, ConvBlock, DenseBlock, from_model, to_model
from explorer.errors import SpecError
from explorer.presets import PRESETS
from explorer.shapes import (
    MAX_ACTIVATION_BYTES,
    MAX_MACS,
    MAX_PARAMETERS,
    LayerShape,
    Totals,
    describe_repair,
    padding,
    partial,
    repair,
    totals,
    trace,
)
from explorer.spec import Activation, Conv, Dense, Flatten, GlobalAveragePool, ModelSpec, Output, Pool

DIGIT = (1, 28, 28)


def model(*layers: object) -> ModelSpec:
    return ModelSpec.model_validate({"layers": (*layers, Flatten(), Output())})


# --- against PyTorch ------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(model_specs(small=True), input_shapes(), st.integers(1, 5))
def test_shapes_parameters_and_faults_are_pytorchs(spec: ModelSpec, shape: tuple[int, int, int], classes: int) -> None:
    layers, error = partial(spec, shape, classes)
    tensors: dict[str, torch.Tensor] = {}
    outputs = run(spec, noise(1, *shape), classes, tensors)
    if len(outputs) == len(spec.layers):
        assert error is None
        assert trace(spec, shape, classes) == layers
    else:
        assert error is not None
        assert error.layer == len(outputs)
    learned = {name: int(t.count_nonzero()) for name, t in tensors.items() if name.endswith((".weight", ".bias"))}
    previous: tuple[int, ...] = shape
    assert [layer.name for layer in layers] == list(outputs)
    for index, layer in enumerate(layers):
        assert layer.index == index
        assert layer.layer == spec.layers[index]
        assert layer.input == previous
        assert layer.output == tuple(outputs[layer.name].shape[1:])
        assert layer.parameters == sum(n for name, n in learned.items() if name.split(".")[0] == layer.name)
        assert layer.parameter_bytes == 4 * layer.parameters
        assert layer.activation_bytes == outputs[layer.name].float().nbytes
        previous = layer.output


def box(gradient: torch.Tensor) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and one past the last row, then column, that is not zero in (1, 1, H, W)."""
    rows, columns = (gradient[0, 0].abs().sum(axis).nonzero().flatten().tolist() for axis in (1, 0))
    return (rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1)


def positive(layers: tuple[Conv | Pool, ...], image: torch.Tensor) -> torch.Tensor:
    """The maps with all weights 1 and averages as pooling, where no influence can cancel another."""
    x = image
    for layer in layers:
        if isinstance(layer, Conv):
            before, after = padding(layer)
            x = functional.pad(x, (before, after, before, after))
            x = functional.conv2d(
                x, torch.ones(1, 1, layer.kernel_size, layer.kernel_size).double(), None, layer.stride
            )
        else:
            x = functional.avg_pool2d(x, layer.size, layer.stride)
    return x


@settings(max_examples=50)
@given(st.lists(convs(small=True) | pools(small=True), min_size=1, max_size=3).map(tuple))
def test_a_unit_sees_exactly_its_receptive_field(layers: tuple[Conv | Pool, ...]) -> None:
    """On an image so large that the middle unit's field lies inside: 7×7 windows, stride up to 4, three layers."""
    side = 256
    last = trace(ModelSpec(layers=(*layers, Flatten(), Output())), (1, side, side), 2)[len(layers) - 1]
    image = torch.zeros(1, 1, side, side, dtype=torch.double, requires_grad=True)
    maps = positive(layers, image)
    middle = maps.shape[2] // 2
    maps[0, 0, middle, middle].backward()
    assert image.grad is not None
    start = last.offset + middle * last.jump
    assert box(image.grad) == ((start, start + last.receptive_field),) * 2


@settings(max_examples=40)
@given(
    st.lists(convs(small=True).map(lambda conv: conv.model_copy(update={"padding": "valid"})), max_size=3).map(tuple),
    st.sampled_from([Flatten(), GlobalAveragePool()]),
)
def test_a_dense_layer_sees_what_the_whole_map_sees(
    layers: tuple[Conv, ...], bridge: Flatten | GlobalAveragePool
) -> None:
    spec = ModelSpec(layers=(*layers, bridge, Dense(units=3), Activation(), Output()))
    traced = trace(spec, (1, 100, 100), 2)
    image = torch.zeros(1, 1, 100, 100, dtype=torch.double, requires_grad=True)
    positive(layers, image).sum().backward()
    assert image.grad is not None
    (top, bottom), _ = box(image.grad)
    assert {layer.receptive_field for layer in traced[-3:]} == {bottom - top}


def test_the_articles_network_number_by_number() -> None:
    """Worked out by hand from the article's description."""
    layers = {layer.name: layer for layer in trace(PRESETS["article"].model, DIGIT, 10)}
    assert [layer.output for layer in layers.values()] == [
        *((32, 26, 26),) * 2, (32, 13, 13), *((64, 11, 11),) * 2, (64, 5, 5), (1600,), (128,), (128,), (10,),
    ]  # fmt: skip
    assert [layer.parameters for layer in layers.values()] == [320, 0, 0, 18_496, 0, 0, 0, 204_928, 0, 1_290]
    assert layers["conv1"].macs == 26 * 26 * 32 * 9
    assert layers["conv2"].macs == 11 * 11 * 64 * 9 * 32
    assert layers["dense1"].macs == 1600 * 128
    assert [layer.receptive_field for layer in layers.values()] == [3, 3, 4, 8, 8, 10, 10, 26, 26, 26]
    assert [layer.jump for layer in layers.values()][:6] == [1, 1, 2, 2, 2, 4]
    assert layers["conv1"].formula == "⌊(28 + 2·0 − 3) / 1⌋ + 1 = 26"
    assert layers["conv1"].parameter_formula == "(3·3·1 + 1)·32 = 320"
    assert layers["pool1"].formula == "⌊(26 + 2·0 − 2) / 2⌋ + 1 = 13"
    assert layers["flatten"].formula == "64 · 5 · 5 = 1,600"
    assert layers["dense1"].parameter_formula == "(1,600 + 1)·128 = 204,928"
    assert layers["relu1"].formula == layers["relu1"].parameter_formula == ""


def test_totals_are_sums() -> None:
    layers = trace(PRESETS["article"].model, DIGIT, 10)
    floats = 2 * 32 * 26 * 26 + 32 * 13 * 13 + 2 * 64 * 11 * 11 + 2 * 1600 + 2 * 128 + 10
    macs = 194_688 + 2_230_272 + 204_800 + 1_280
    assert totals(layers) == Totals(225_034, macs, activation_bytes=4 * floats, parameter_bytes=4 * 225_034)
    assert totals(()) == Totals(0, 0, 0, 0)


# --- formulas -------------------------------------------------------------------------------------------------------


def worked_out(formula: str) -> tuple[int, int]:
    """Both sides of a formula as numbers."""
    left, right = formula.replace(",", "").replace("·", "*").replace("−", "-").split(" = ")
    left = re.sub(r"⌊(.*) / (\d+)⌋", r"(\1 // \2)", left)
    assert re.fullmatch(r"[\d\s()+*/-]+", left)
    return int(eval(left)), int(right)  # noqa: S307 (digits and operators alone)


@given(model_specs(), input_shapes(), st.integers(1, 1000))
def test_formulas_come_out(spec: ModelSpec, shape: tuple[int, int, int], classes: int) -> None:
    for layer in partial(spec, shape, classes)[0]:
        if isinstance(layer.layer, Conv | Pool):
            parts = layer.formula.removeprefix("height ").split("; width ")
            assert len(parts) == (1 if layer.input[1] == layer.input[2] else 2)
            sides = {worked_out(part) for part in parts}
            assert sides == {(side, side) for side in layer.output[1:]}
        elif isinstance(layer.layer, Flatten):
            assert worked_out(layer.formula) == (layer.output[0], layer.output[0])
        else:
            assert layer.formula == ""
        if layer.parameters:
            assert worked_out(layer.parameter_formula) == (layer.parameters, layer.parameters)
        else:
            assert layer.parameter_formula == ""


@pytest.mark.parametrize(
    ("conv", "formula"),
    [
        (Conv(kernels=1, kernel_size=4, padding="same"), "⌊(28 + 3 − 4) / 1⌋ + 1 = 28"),
        (Conv(kernels=1, kernel_size=5, padding="same"), "⌊(28 + 2·2 − 5) / 1⌋ + 1 = 28"),
        (Conv(kernels=1, kernel_size=5, stride=2, padding=1), "⌊(28 + 2·1 − 5) / 2⌋ + 1 = 13"),
    ],
)
def test_the_padding_is_written_as_it_is(conv: Conv, formula: str) -> None:
    assert trace(model(conv), DIGIT, 10)[0].formula == formula


def test_maps_that_are_not_square_have_two_formulas() -> None:
    layer = trace(model(Conv(kernels=2, kernel_size=3)), (1, 28, 20), 10)[0]
    assert layer.output == (2, 26, 18)
    assert layer.formula == "height ⌊(28 + 2·0 − 3) / 1⌋ + 1 = 26; width ⌊(20 + 2·0 − 3) / 1⌋ + 1 = 18"


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "shape", "place", "sentence"),
    [
        (
            (Conv(kernels=2, kernel_size=7),), (1, 5, 5), 0,
            "conv1: a 7×7 kernel can't slide over a 5×5 map: use padding 1 or a kernel of 5 or less",
        ),
        (
            (Conv(kernels=2, kernel_size=9, padding=1),), (1, 5, 8), 0,
            "conv1: a 9×9 kernel can't slide over a 5×8 map with padding 1: use padding 2 or a kernel of 7 or less",
        ),
        (
            (Activation(), Pool(size=3, stride=2)), (1, 2, 2), 1,
            "pool1: a 3×3 window can't slide over a 2×2 map: use a window of 2 or less, or remove the pooling",
        ),
        (
            (Pool(size=2, stride=2),), (1, 1, 4), 0,
            "pool1: a 2×2 window can't slide over a 1×4 map: remove the pooling",
        ),
    ],
)  # fmt: skip
def test_a_window_that_does_not_fit(
    layers: tuple[object, ...], shape: tuple[int, int, int], place: int, sentence: str
) -> None:
    with pytest.raises(SpecError) as caught:
        trace(model(*layers), shape, 10)
    assert str(caught.value) == sentence
    assert caught.value.layer == place


@given(st.integers(1, 30), st.data())
def test_the_remedies_in_the_sentence_work(side: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(side + 1, 31))
    zeros = data.draw(st.integers(0, (size - side - 1) // 2))
    conv = Conv(kernels=1, kernel_size=size, padding=zeros)

    def fits(**change: int) -> bool:
        return partial(model(conv.model_copy(update=change)), (1, side, 40), 2)[1] is None

    remedy = re.search(r"use padding (\d+) or a kernel of (\d+)", str(partial(model(conv), (1, side, 40), 2)[1]))
    assert remedy
    enough, largest = int(remedy[1]), int(remedy[2])
    assert fits(padding=enough)
    assert not fits(padding=enough - 1)
    assert fits(kernel_size=largest)
    assert not fits(kernel_size=largest + 1)


WIDE = Conv(kernels=1024, kernel_size=3, padding="same")


@pytest.mark.parametrize(
    ("spec", "shape", "place", "words"),
    [
        (to_model(Blocks(convs=(ConvBlock(),), dense=(DenseBlock(units=8192),))), DIGIT, 3, "learnable parameters"),
        (model(*(WIDE,) * 4), DIGIT, 1, "multiply-accumulates"),
        (
            ModelSpec(layers=(Conv(kernels=1024, kernel_size=1), GlobalAveragePool(), Output())),
            (1, 300, 300), 0, "bytes of feature maps",
        ),
    ],
)  # fmt: skip
def test_too_large_a_network_is_refused_at_its_largest_layer(
    spec: ModelSpec, shape: tuple[int, int, int], place: int, words: str
) -> None:
    layers, error = partial(spec, shape, 10)
    assert len(layers) == len(spec.layers)  # traced to its end all the same
    assert error is not None
    assert error.layer == place
    assert words in str(error)
    assert str(error).startswith(f"{spec.names[place]} has ")
    mended = repair(spec, shape, 10)
    assert within_limits(trace(mended, shape, 10))
    assert describe_repair(spec, mended)


def within_limits(layers: tuple[LayerShape, ...]) -> bool:
    total = totals(layers)
    return (
        total.parameters <= MAX_PARAMETERS and total.macs <= MAX_MACS and total.activation_bytes <= MAX_ACTIVATION_BYTES
    )


@pytest.mark.parametrize(("shape", "classes"), [((28, 28), 10), ((1, 0, 28), 10), ((1, 28, 28), 0), ((), 10)])
def test_an_input_that_makes_no_sense(shape: tuple[int, ...], classes: int) -> None:
    for function in (trace, repair):
        with pytest.raises(SpecError, match="images of channels × height × width") as caught:
            function(PRESETS["article"].model, shape, classes)
        assert caught.value.layer is None


def test_superfluous_zeros_go_where_narrower_layers_are_not_enough() -> None:
    """Sixty paddings of 15 blow a digit up to 1,828 pixels a side, too many even for a single map a layer."""
    spec = model(*(Conv(kernels=1, kernel_size=1, padding=15),) * 60)
    error = partial(spec, DIGIT, 10)[1]
    assert error is not None
    mended = repair(spec, DIGIT, 10)
    assert within_limits(trace(mended, DIGIT, 10))
    assert "padding 15 → 0" in describe_repair(spec, mended)


def test_an_input_that_no_change_can_make_small_enough() -> None:
    with pytest.raises(SpecError, match="output has"):
        repair(PRESETS["softmax"].model, (3, 2000, 2000), 10)


# --- repair ---------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(model_specs(most_layers=10), input_shapes(), st.integers(1, 20))
def test_whatever_the_network_the_repaired_one_works(
    spec: ModelSpec, shape: tuple[int, int, int], classes: int
) -> None:
    mended = repair(spec, shape, classes)
    assert within_limits(trace(mended, shape, classes))
    assert repair(mended, shape, classes) is mended
    if partial(spec, shape, classes)[1] is None:
        assert mended is spec
    assert (describe_repair(spec, mended) == "") == (mended == spec)
    # Only pooling goes; everything else keeps its kind and place.
    assert [layer.kind for layer in mended.layers if layer.kind != "pool"] == [
        layer.kind for layer in spec.layers if layer.kind != "pool"
    ]


@settings(max_examples=150)
@given(blocks(small=True), st.integers(1, 28))
@example(Blocks(convs=(ConvBlock(kernels=2, pool="max"),) * 6), 28)
def test_the_repaired_blocks_are_blocks_and_no_change_is_needless(shapes: Blocks, side: int) -> None:
    shape = (1, side, side)
    mended = from_model(repair(to_model(shapes), shape, 2))
    assert mended is not None
    assert mended.dense == shapes.dense
    assert mended.bridge == shapes.bridge
    for number, (before, after) in enumerate(zip(shapes.convs, mended.convs, strict=True)):
        conv = {name: getattr(before, name) for name in ("kernel_size", "stride", "padding")}
        pool = {name: getattr(before, name) for name in ("pool", "pool_size", "pool_stride")}
        for undone in (conv, pool):
            reverted = after.model_copy(update=undone)
            if to_model(Blocks(convs=(reverted,))) != to_model(Blocks(convs=(after,))):
                convs = (*mended.convs[:number], reverted, *mended.convs[number + 1 :])
                assert partial(to_model(mended.model_copy(update={"convs": convs})), shape, 2)[1] is not None


def block(**more: object) -> ConvBlock:
    return ConvBlock.model_validate({"kernels": 8, "activation": "none", **more})


@pytest.mark.parametrize(
    ("convs", "expected"),
    [
        ((block(pool="max"), block(pool="max"), block(kernel_size=7)), "conv3: kernel 7 → 5"),
        ((block(kernel_size=28, pool="average"),), "pool1: removed"),
        ((block(stride=5), block(pool="max", pool_size=7, pool_stride=7)), "pool1: window 7 → 4, stride 7 → 4"),
        ((block(kernel_size=11, pool="max"), block(kernel_size=11, pool="max")), "conv2: kernel 11 → 8"),
        ((block(stride=8), block(), block(padding="valid")), "conv3: kernel 3 → 2"),
        ((block(pool="max"),) * 4, "pool2: removed"),  # one change early, where changes at the fault would be two
        ((block(kernels=1024, padding="same", kernel_size=5),) * 2, "conv2: kernels 1024 → 512"),
    ],
)
def test_the_gentlest_change_is_taken_and_told(convs: tuple[ConvBlock, ...], expected: str) -> None:
    spec = to_model(Blocks(convs=convs, bridge="global_average_pool"))
    assert describe_repair(spec, repair(spec, DIGIT, 10)) == expected


@given(st.lists(conv_blocks(), min_size=1, max_size=6).map(tuple))
def test_the_description_holds_what_changed(convs: tuple[ConvBlock, ...]) -> None:
    spec = to_model(Blocks(convs=convs))
    mended = repair(spec, DIGIT, 10)
    told = dict(part.split(": ", 1) for part in describe_repair(spec, mended).split("; ") if part)
    assert set(told) <= set(spec.names)
    removed = [name for name, change in told.items() if change == "removed"]
    assert len(spec.layers) - len(removed) == len(mended.layers)
    kept = [(name, layer) for name, layer in zip(spec.names, spec.layers, strict=True) if name not in removed]
    assert {name for (name, before), after in zip(kept, mended.layers, strict=True) if before != after} == (
        set(told) - set(removed)
    )


# --- imports --------------------------------------------------------------------------------------------------------


def test_arithmetic_needs_no_torch() -> None:
    code = "import sys, explorer.shapes, explorer.presets, explorer.blocks; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
