"""Which tensor is which: by names, by what layers hold, by order, and never by guessing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import model_specs

from explorer.errors import SpecError, WeightsError
from explorer.foreign.matching import COUNTER, match
from explorer.models import build
from explorer.spec import ModelSpec

Shapes = dict[str, tuple[int, ...]]


def layer(name: str, *weight: int) -> Shapes:
    return {f"{name}.weight": weight, f"{name}.bias": weight[:1]}


def norm(name: str, width: int) -> Shapes:
    tensors = dict.fromkeys((f"{name}.{last}" for last in ("weight", "bias", "running_mean", "running_var")), (width,))
    return {**tensors, f"{name}.{COUNTER}": ()}


OURS = {**layer("conv1", 4, 1, 3, 3), **norm("norm1", 4), **layer("dense1", 6, 6), **layer("dense2", 6, 6)}
ALL = tuple((name, name) for name in OURS)


@pytest.mark.parametrize("ordered", [True, False])
def test_our_names_are_enough_in_whatever_order(ordered: bool) -> None:
    assert match(dict(reversed(OURS.items())), OURS, ordered=ordered) == ("name", ALL)


def test_the_counter_may_be_missing_and_stands_for_nothing() -> None:
    given = {name: shape for name, shape in OURS.items() if COUNTER not in name}
    assert match(given, OURS, ordered=False).pairs == tuple(pair for pair in ALL if COUNTER not in pair[0])
    with pytest.raises(WeightsError, match=r"has conv1\.num_batches_tracked, which this network has no place for"):
        match({**given, f"conv1.{COUNTER}": ()}, OURS, ordered=False)


def test_what_is_missing_or_left_over_is_named() -> None:
    short = {name: shape for name, shape in OURS.items() if name != "dense2.bias"}
    with pytest.raises(WeightsError, match=r"has no dense2\.bias, which this network needs: describe"):
        match(short, OURS, ordered=True)
    with pytest.raises(WeightsError, match=r"has dense3\.bias, dense3\.weight, which this network has no place"):
        match({**OURS, **layer("dense3", 2, 2)}, OURS, ordered=True)


def test_other_names_are_told_by_shapes_and_by_definition_s_order() -> None:
    """Batch normalisation that is defined after everything else is still found."""
    given = {**layer("c", 4, 1, 3, 3), **layer("z", 6, 6), **layer("a", 6, 6), **norm("bn", 4)}
    found = match(given, OURS, ordered=True)
    assert found.by == "layer"
    named = {ours.rpartition(".")[0]: its.rpartition(".")[0] for its, ours in found.pairs}
    assert named == {"conv1": "c", "norm1": "bn", "dense1": "z", "dense2": "a"}
    assert [ours for _, ours in found.pairs] == list(OURS)


def test_without_an_order_numbers_decide_or_nothing_does() -> None:
    given = {**norm("bn", 4), **layer("fc.10", 6, 6), **layer("fc.9", 6, 6), **layer("c", 4, 1, 3, 3)}
    named = {ours: its for its, ours in match(given, OURS, ordered=False).pairs}
    assert (named["dense1.weight"], named["dense2.weight"]) == ("fc.9.weight", "fc.10.weight")
    doubtful = {**norm("bn", 4), **layer("hidden", 6, 6), **layer("last", 6, 6), **layer("c", 4, 1, 3, 3)}
    with pytest.raises(WeightsError, match=r"hidden and last hold tensors of the same shapes.*torch\.save"):
        match(doubtful, OURS, ordered=False)
    assert match(doubtful, OURS, ordered=True).by == "layer"


def test_a_prefix_is_a_name_like_any_other() -> None:
    given = {f"module.{name}": shape for name, shape in OURS.items()}
    assert match(given, OURS, ordered=False).pairs == tuple((f"module.{name}", name) for name in OURS)


def test_names_of_ours_with_other_shapes_elsewhere_pin_nothing() -> None:
    """Counting from 0, somebody's conv1 is our conv2."""
    ours = {**layer("conv1", 4, 1, 3, 3), **layer("conv2", 4, 4, 3, 3), **layer("conv3", 4, 4, 3, 3)}
    given = {**layer("conv0", 4, 1, 3, 3), **layer("conv1", 4, 4, 3, 3), **layer("conv2", 4, 4, 3, 3)}
    found = match(given, ours, ordered=True)
    assert found.pairs[::2] == (
        ("conv0.weight", "conv1.weight"), ("conv1.weight", "conv2.weight"), ("conv2.weight", "conv3.weight"),
    )  # fmt: skip


def test_what_does_not_fit_is_told_with_its_shapes() -> None:
    given = {**layer("c", 4, 1, 3, 3), **norm("bn", 4), **layer("fc1", 6, 6), **layer("fc2", 5, 6)}
    told = r"this network's dense2 \(weight 6×6, bias 6\) is not in the file; the file has fc2 \(weight 5×6, bias 5\)"
    with pytest.raises(WeightsError, match=told):
        match(given, OURS, ordered=True)
    with pytest.raises(WeightsError, match=r"the file has d \(weight 6×6, bias 6\), for which this network has no"):
        match({**given, **layer("fc2", 6, 6), **layer("d", 6, 6)}, OURS, ordered=True)
    del given["fc2.weight"], given["fc2.bias"]
    with pytest.raises(WeightsError, match="is not in the file; the file has none like it"):
        match(given, OURS, ordered=True)


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=200), st.lists(st.integers(0, 2**62), max_size=70).map(tuple), max_size=40))
def test_any_names_are_matched_or_refused_in_one_short_line(given: Shapes) -> None:
    for ordered in (True, False):
        with pytest.raises(WeightsError) as caught:
            match(given, OURS, ordered=ordered)
        assert len(str(caught.value)) < 2_500
        assert str(caught.value).isprintable()


@settings(max_examples=40)
@given(model_specs(small=True), st.randoms(use_true_random=False))
def test_a_network_under_other_names_is_found_again(model: ModelSpec, random: object) -> None:
    try:
        state = build(model, (1, 28, 28), 3).state_dict()
    except SpecError:
        return
    ours = {name: tuple(tensor.shape) for name, tensor in state.items()}
    numbers = {layer: number for number, layer in enumerate(dict.fromkeys(n.rpartition(".")[0] for n in ours))}
    renamed = {name: f"layers.{numbers[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}" for name in ours}
    theirs = {renamed[name]: shape for name, shape in ours.items()}
    shuffled = dict(sorted(theirs.items(), key=lambda item: hash(item[0])))
    expected = tuple((renamed[name], name) for name in ours)
    assert match(theirs, ours, ordered=True).pairs == match(shuffled, ours, ordered=False).pairs == expected
