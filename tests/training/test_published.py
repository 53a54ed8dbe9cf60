"""LeNet-5 as the paper describes it: its numbers, its table, its outputs, and that training leaves what is fixed."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from explorer import published
from explorer.analysis import attribution, change
from explorer.bitmaps import CODES, COLUMNS, ROWS
from explorer.blocks import from_model
from explorer.data import Dataset
from explorer.data.cards import CARDS
from explorer.edits import Prune, Write
from explorer.errors import SpecError, WeightsError
from explorer.models import build, load_weights
from explorer.shapes import partial, totals, trace
from explorer.spec import Conv, DataSpec, Flatten, ModelSpec, Output, RunSpec, TrainSpec, from_link, to_link
from explorer.training.engine import train
from explorer.training.events import Finished, Step
from explorer.training.one_step import finite_difference, gradient

DIGIT = (1, 28, 28)
LENET5 = published.lenet5()


def test_it_has_the_paper_s_sizes_and_numbers_of_parameters() -> None:
    """Section II.B: C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164, in all 60,000; Table I has 60 crosses."""
    layers = trace(LENET5, DIGIT, 10)
    learned = {layer.name: layer.parameters for layer in layers if layer.parameters}
    assert learned == {"conv1": 156, "affine1": 12, "conv2": 1_516, "affine2": 32, "dense1": 48_120, "dense2": 10_164}
    assert totals(layers).parameters == 60_000
    shapes = {layer.name: layer.output for layer in layers}
    assert shapes["conv1"] == (6, 28, 28)
    assert shapes["affine1"] == (6, 14, 14)
    assert shapes["conv2"] == (16, 10, 10)
    assert shapes["affine2"] == (16, 5, 5)
    assert sum(map(len, published.TABLE)) == 60
    assert [sum(channel in maps for maps in published.TABLE) for channel in range(6)] == [10] * 6
    assert len(set(published.TABLE)) == 16


def test_each_kernel_answers_to_the_maps_of_its_row_alone() -> None:
    network = build(LENET5, DIGIT, 10, seed=0)
    maps = torch.randn(1, 6, 14, 14)
    before = network.conv2(maps)
    for channel in range(6):
        other = maps.clone()
        other[0, channel] += torch.randn(14, 14)
        changed = (network.conv2(other) - before).abs().amax((0, 2, 3)) > 1e-4
        assert changed.tolist() == [channel in seen for seen in published.TABLE]


def test_the_logits_are_distances_to_the_codes() -> None:
    network = build(LENET5, DIGIT, 10, seed=1).double().eval()
    images = torch.randn(8, *DIGIT, dtype=torch.double)
    features = network[:-1](images)
    codes = torch.tensor(CODES, dtype=torch.double)
    penalties = torch.stack([(features - code).square().sum(1) for code in codes], dim=1)  # the paper's equation 7
    torch.testing.assert_close(F.softmax(network(images), 1), F.softmax(-penalties, 1))


def test_the_codes_are_ten_different_pictures_that_alike_digits_share_pixels_of() -> None:
    assert len(set(CODES)) == 10
    assert {len(code) for code in CODES} == {ROWS * COLUMNS} == {84}
    assert {pixel for code in CODES for pixel in code} == {-1, 1}
    codes = torch.tensor(CODES)
    distances = torch.cdist(codes.double(), codes.double(), p=0).fill_diagonal_(84)
    assert distances.min() >= 6  # pixels in which two of them differ at least
    usual = distances[distances < 84].median()
    for one, other in ((3, 8), (8, 9), (5, 6)):
        assert distances[one, other] < usual


def test_training_leaves_codes_and_missing_connections_as_they_are(digits: Dataset) -> None:
    recipe = TrainSpec(epochs=1, batch_size=50, weight_decay=0.1, precision="float32", device="cpu")
    spec = RunSpec(model=LENET5, data=DataSpec(train_size=400), train=recipe)
    events = list(train(spec, digits))
    finished = next(event for event in events if isinstance(event, Finished))
    fresh = build(LENET5, digits.card.shape, 10, seed=0)
    weights = finished.weights
    assert torch.equal(weights["output.weight"], fresh.output.weight)
    seen = fresh.conv2.table.expand_as(weights["conv2.weight"]).bool()
    assert not weights["conv2.weight"][~seen].any()
    assert (weights["conv2.weight"][seen] != fresh.conv2.weight[seen]).all()
    assert (weights["affine1.weight"] != 1).all()
    step = next(event for event in events if isinstance(event, Step))
    assert set(step.gradient_norms) == {"conv1", "conv2", "dense1", "dense2"}


def test_one_step_and_attributions_are_worked_out_on_a_twin_of_it() -> None:
    network = build(LENET5, DIGIT, 10, seed=0).eval()
    images = torch.randn(3, *DIGIT)
    labels = torch.tensor([1, 5, 9])
    loss, slopes = gradient(network, "conv2.weight", images, labels)
    (expected,) = torch.autograd.grad(F.cross_entropy(network(images), labels), network.conv2.weight)
    torch.testing.assert_close(slopes, expected)
    assert not slopes[~network.conv2.table.expand_as(slopes).bool()].any()
    with torch.no_grad():
        assert loss == pytest.approx(float(F.cross_entropy(network(images), labels)))
    assert finite_difference(network, "affine1.bias", (2,), images, labels).relative < 1e-5
    methods = attribution.available(network)
    assert {"integrated-gradients", "grad-cam", "occlusion"} <= set(methods)
    assert not {"deeplift", "guided-backpropagation", "cam"} & set(methods)
    for method in methods:
        assert attribution.attribute(network, images[0].numpy(), 3, method, CARDS["mnist"]).values.any(), method
    assert all(parameter.grad is None for parameter in network.parameters())


def test_only_what_is_learned_is_pruned_and_no_missing_connection_is_written() -> None:
    network = build(LENET5, DIGIT, 10, seed=0).eval().requires_grad_(False)
    seen = network.conv2.table.expand_as(network.conv2.weight).bool()
    pruned = change.changed(network, (Prune(layer="conv2", what="weights", share=0.3),))
    assert int((pruned.conv2.weight[seen] == 0).sum()) == round(0.3 * 1_500)
    everywhere = change.changed(network, (Prune(what="weights", share=0.9),))
    assert torch.equal(everywhere.output.weight, network.output.weight)
    nothing = change.changed(network, (Write(layer="conv2", number=0, channel=5, weights=(0.0,) * 25),))
    assert torch.equal(nothing.conv2.weight, network.conv2.weight)
    with pytest.raises(SpecError, match="kernel 0 of conv2 does not see input map 5"):
        change.changed(network, (Write(layer="conv2", number=0, channel=5, weights=(1.0,) * 25),))


def test_weights_where_there_is_no_connection_are_refused() -> None:
    network = build(LENET5, DIGIT, 10, seed=0)
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    load_weights(network, weights)
    weights["conv2.weight"][0, 5, 2, 2] = 0.5
    with pytest.raises(WeightsError, match=r"conv2\.weight connects maps that this network does not"):
        load_weights(network, weights)


def test_it_travels_as_a_link_and_the_builder_has_no_form_for_it() -> None:
    run = RunSpec(model=LENET5)
    assert from_link(RunSpec, to_link(run)) == run
    assert from_model(LENET5) is None


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"connections": ((0,),)}, "1 rows for 2 kernels"),
        ({"connections": ((0,), ())}, "at least one map"),
        ({"connections": ((0,), (1, 0))}, "ascending"),
        ({"connections": ((0,), (1, 1))}, "each once"),
        ({"connections": ((0,), (1,)), "padding": "same", "kernel_size": 4}, "same padding on both sides"),
    ],
)
def test_a_table_that_can_not_be_is_refused_in_words(changes: dict[str, object], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Conv.model_validate({"kernels": 2, "kernel_size": 3, **changes})


def test_a_map_that_there_is_not_and_vectors_without_codes_are_faults_of_their_layer() -> None:
    lost = ModelSpec(layers=(Conv(kernels=1, kernel_size=3, connections=((2,),)), Flatten(), Output()))
    layers, error = partial(lost, DIGIT, 10)
    assert (layers, error and error.layer) == ((), 0)
    assert "input map 2, but there are only 0 to 0" in str(error)
    _, error = partial(ModelSpec(layers=(Flatten(), Output(codes=True))), DIGIT, 10)
    assert error is not None
    assert error.layer == 1
    assert "84 numbers with the codes of 10 digits: here it gets 784" in str(error)
    assert isinstance(error, SpecError)
