"""The architecture diagram: to scale, nothing on top of anything else, its words true."""

from __future__ import annotations

import itertools

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import published
from explorer.blocks import Blocks, ConvBlock, DenseBlock, to_model
from explorer.errors import SpecError
from explorer.figures.network import architecture, describe
from explorer.figures.theme import LIGHT
from explorer.figures.volumes import GAP, Volume, bar_height, depth, spread, volumes
from explorer.presets import PRESETS
from explorer.shapes import LayerShape, partial
from explorer.spec import Activation, BatchNorm, Dropout, ModelSpec

DIGIT = (1, 28, 28)
CONVS = st.builds(
    ConvBlock,
    kernels=st.sampled_from([1, 8, 32, 512]),
    kernel_size=st.sampled_from([1, 3, 5, 11]),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same", 2]),
    batch_norm=st.booleans(),
    activation=st.sampled_from(["relu", "none"]),
    pool=st.sampled_from(["none", "max"]),
    dropout=st.sampled_from([0.0, 0.2]),
)
BLOCKS = st.builds(
    Blocks,
    convs=st.lists(CONVS, max_size=6).map(tuple),
    bridge=st.sampled_from(["flatten", "global_average_pool"]),
    dense=st.lists(st.builds(DenseBlock, units=st.sampled_from([1, 10, 128, 4096])), max_size=3).map(tuple),
)
IMPOSSIBLE = Blocks(
    convs=(
        ConvBlock(kernels=8, pool="max"),
        ConvBlock(kernels=16, pool="max"),
        ConvBlock(kernels=16, kernel_size=7, batch_norm=True, pool="max"),
    ),
    dense=(DenseBlock(units=32),),
)
LARGEST = Blocks(
    convs=tuple(
        ConvBlock(kernels=1024, padding="same", batch_norm=True, pool="max", pool_stride=1, dropout=0.1)
        for _ in range(6)
    ),
    dense=(DenseBlock(units=512, dropout=0.5),) * 3,
)


def traced(blocks: Blocks) -> tuple[ModelSpec, tuple[LayerShape, ...], SpecError | None]:
    model = to_model(blocks)
    return model, *partial(model, DIGIT, 10)


def drawn(blocks: Blocks, **options: float) -> go.Figure:
    model, layers, error = traced(blocks)
    done = len(layers)
    return architecture(layers, DIGIT, error=error, rest=model.layers[done:], rest_names=model.names[done:], **options)


def placed(blocks: Blocks) -> list[Volume]:
    model, layers, _ = traced(blocks)
    found = volumes(layers, DIGIT, model.layers[len(layers) :], model.names[len(layers) :])
    return spread(found, [60.0] * len(found), 0.0)[0]


def named(figure: go.Figure, name: str) -> go.Scatter:
    (trace,) = [trace for trace in figure.data if trace.name == name]
    return trace


def words(figure: go.Figure) -> dict[str, str]:
    """Each volume's name and numbers, put together by where they stand."""
    texts: dict[float, str] = {}
    for trace in figure.data:
        if trace.mode == "text":
            for x, text in zip(trace.x, trace.text, strict=True):
                texts[float(x)] = texts.get(float(x), "") + text
    found = [texts[x].replace("<b>", "").split("<br>") for x in sorted(texts)]
    return {lines[0].removesuffix("</b>"): " | ".join(lines[1:]) for lines in found}


def test_a_network_as_published_is_drawn_and_told_with_all_its_parts() -> None:
    model = published.lenet5()
    layers, error = partial(model, (1, 28, 28), 10)
    figure = architecture(layers, (1, 28, 28), error=error, rest=(), rest_names=())
    hovered = " ".join(str(text) for trace in figure.data for text in np.ravel(trace.hovertext or trace.text or ""))
    assert "affine1" in hovered
    assert "coefficient and bias" in hovered


def test_maps_are_drawn_to_one_scale() -> None:
    sizes = {volume.parts[0].name: volume.height for volume in placed(PRESETS["article"].blocks)}
    for name, side in {"conv1": 26, "pool1": 13, "conv2": 11, "pool2": 5}.items():
        assert sizes[name] / sizes["input"] == pytest.approx(side / 28)


def test_padding_beyond_the_input_keeps_the_largest_map_on_the_page() -> None:
    grown = placed(Blocks(convs=(ConvBlock(kernels=1, kernel_size=1, padding=15),)))
    assert grown[1].height / grown[0].height == pytest.approx(58 / 28)
    assert grown[1].height == pytest.approx(placed(Blocks())[0].height)


def test_not_square_maps_recede_by_their_width() -> None:
    model = to_model(Blocks())
    wide = volumes(partial(model, (1, 10, 20), 10)[0], (1, 10, 20))[0]
    square = volumes(partial(model, (1, 20, 20), 10)[0], (1, 20, 20))[0]
    assert wide.slant == pytest.approx(square.slant)
    assert wide.height == pytest.approx(square.height / 2)


def test_more_maps_and_more_units_are_larger_but_stay_on_the_page() -> None:
    assert all(depth(low) < depth(high) < 90 for low, high in itertools.pairwise([1, 2, 32, 64, 1024]))
    assert all(bar_height(low) < bar_height(high) for low, high in itertools.pairwise([1, 10, 128, 4096]))
    assert bar_height(10**9) <= placed(Blocks())[0].height * 1.3


@given(BLOCKS)
@settings(max_examples=150, deadline=None)
def test_every_layer_has_its_part_and_none_stands_on_another(blocks: Blocks) -> None:
    model, layers, _ = traced(blocks)
    found = placed(blocks)
    parts = [part for volume in found for part in volume.parts]
    names = [part.name for part in parts]
    sound = [layer.name for layer in layers]
    assert names[0] == "input"
    assert names[1 : len(sound) + 1] == sound
    folded = (BatchNorm, Activation, Dropout)
    rest = list(zip(model.names, model.layers, strict=True))[len(sound) :]
    assert names[len(sound) + 1 :] == [name for name, layer in rest if not isinstance(layer, folded)]
    assert [volume.state for volume in found if volume.state != "sound"][:1] == ["impossible"] * bool(rest)
    for before, after in itertools.pairwise(found):
        assert after.left >= before.right + before.slant[0] + GAP - 1e-6
    for volume in found:
        for before, after in itertools.pairwise(volume.parts):
            assert after.left == pytest.approx(before.left + before.width)


@given(BLOCKS, st.floats(0, 2500))
@settings(max_examples=60, deadline=None)
def test_labels_do_not_touch_and_all_is_on_the_page(blocks: Blocks, width: float) -> None:
    model, layers, _ = traced(blocks)
    bare = volumes(layers, DIGIT, model.layers[len(layers) :], model.names[len(layers) :])
    labels = [30.0 + 17 * (number % 5) for number in range(len(bare))]
    found, total = spread(bare, labels, width)
    assert total >= width
    edges = [
        (volume.centre - label / 2, volume.centre + label / 2) for volume, label in zip(found, labels, strict=True)
    ]
    assert all(after[0] > before[1] for before, after in itertools.pairwise(edges))
    assert min(low for low, _ in edges) >= 0
    assert max(high for _, high in edges) <= total
    assert found[0].left >= 0
    assert found[-1].right + found[-1].slant[0] <= total


@pytest.mark.parametrize("blocks", [*(preset.blocks for preset in PRESETS.values()), IMPOSSIBLE, LARGEST])
def test_plotly_accepts_the_figure_and_it_is_small(blocks: Blocks) -> None:
    figure = drawn(blocks)
    go.Figure(figure.to_dict())
    assert len(figure.to_json()) < 60_000


def test_the_numbers_under_the_articles_network_are_its_own() -> None:
    assert words(drawn(PRESETS["article"].blocks)) == {
        "input": "28 × 28 × 1",
        "conv1": "26 × 26 × 32 | sees 3 × 3 | 320 parameters",
        "pool1": "13 × 13 × 32 | sees 4 × 4",
        "conv2": "11 × 11 × 64 | sees 8 × 8 | 18.5 k parameters",
        "pool2": "5 × 5 × 64 | sees 10 × 10",
        "flatten": "1,600 units",
        "dense1": "128 units | sees 26 × 26 | 205 k parameters",
        "output": "10 units | sees 26 × 26 | 1.29 k parameters",
    }


def test_where_the_page_is_too_narrow_labels_grow_higher_first() -> None:
    blocks = PRESETS["article"].blocks
    assert words(drawn(blocks, width=300))["conv1"] == "26 × 26 × 32 | sees 3 × 3 | 320 | parameters"
    narrow, wide = drawn(blocks, width=300).layout, drawn(blocks, width=2000).layout
    assert 300 < narrow.width < drawn(blocks).layout.width < wide.width == 2000
    assert narrow.meta["min_width"] == narrow.width


def test_one_data_unit_is_one_pixel() -> None:
    layout = drawn(PRESETS["lenet5"].blocks).layout
    assert layout.xaxis.range[1] - layout.xaxis.range[0] == pytest.approx(layout.width, abs=0.5)
    assert layout.yaxis.range[1] - layout.yaxis.range[0] == pytest.approx(layout.height, abs=0.5)


def test_every_layer_can_be_clicked_and_tells_its_exact_numbers() -> None:
    model, layers, _ = traced(PRESETS["vgg"].blocks)
    handles = drawn(PRESETS["vgg"].blocks).data[-1]
    assert set(handles.customdata) == {"input", *model.names}
    texts = dict(zip(handles.customdata, handles.text, strict=True))
    for layer in layers:
        assert f"sees {layer.receptive_field} × {layer.receptive_field}" in texts[layer.name]
        assert layer.formula in texts[layer.name]
        assert not layer.parameters or f"{layer.parameters:,} parameters" in texts[layer.name]
        assert not layer.macs or f"{layer.macs:,} multiply-adds" in texts[layer.name]


def test_an_impossible_layer_is_red_in_its_place_and_what_follows_is_a_ghost() -> None:
    figure = drawn(IMPOSSIBLE)
    _, _, error = traced(IMPOSSIBLE)
    red = named(figure, "impossible")
    assert red.fillcolor == LIGHT.wrong
    shown = words(figure)
    assert list(shown) == ["input", "conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "flatten", "dense1", "output"]
    assert shown["conv3"] == "7 × 7 | does not fit"
    assert shown["pool3"] == ""
    handles = figure.data[-1]
    where = dict(zip(handles.customdata, handles.x, strict=True))
    assert where["pool2"] < np.nanmin(red.x) < where["conv3"] < np.nanmax(red.x) < where["pool3"]
    assert dict(zip(handles.customdata, handles.text, strict=True))["conv3"] == str(error)
    (ghosts,) = [trace for trace in figure.data if trace.mode == "lines" and trace.line.dash != "solid"]
    assert ghosts.fill is None
    assert np.nanmin(ghosts.x) > np.nanmax(red.x)


def test_the_window_that_does_not_fit_is_drawn_larger_than_the_map() -> None:
    pool2, conv3 = placed(IMPOSSIBLE)[4:6]
    assert conv3.height / pool2.height == pytest.approx(7 / 5)
    assert conv3.window == pytest.approx(conv3.height)


def test_a_network_that_is_only_too_large_shows_its_largest_layer_red() -> None:
    blocks = Blocks(convs=(ConvBlock(kernels=1024, padding="same"),), dense=(DenseBlock(units=128),))
    _, _, error = traced(blocks)
    assert error is not None
    figure = drawn(blocks)
    assert "103 M parameters" in words(figure)["dense1"]
    red, handles = named(figure, "impossible"), figure.data[-1]
    where = dict(zip(handles.customdata, handles.x, strict=True))
    assert np.nanmin(red.x) < where["dense1"] < np.nanmax(red.x) < where["output"]


def test_a_few_units_are_drawn_one_by_one() -> None:
    counts = [
        np.isnan(named(drawn(Blocks(dense=(DenseBlock(units=units, activation="none"),))), "dense").x).sum()
        for units in (5, 6, 200)
    ]
    assert counts[1] - counts[0] == 1
    assert counts[2] == counts[0] - 4


def test_words_say_the_same_as_the_diagram() -> None:
    _, layers, _ = traced(PRESETS["article"].blocks)
    text = describe(layers, DIGIT, SpecError("too large: use less"))
    assert text.startswith("input 28 × 28 × 1; conv1 26 × 26 × 32, 320 parameters; relu1")
    assert text.endswith("output 10, 1,290 parameters. too large: use less")
