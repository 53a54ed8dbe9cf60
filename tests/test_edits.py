"""Edits as values: their order, what replaces what, their words, undo, and JSON that is not believed."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.edits import (
    MAX_EDITS,
    Bias,
    Edit,
    Edits,
    History,
    Off,
    Prune,
    Scale,
    Write,
    add,
    from_json,
    of_unit,
    remove,
    to_json,
    words,
)
from explorer.errors import SpecError

layers = st.sampled_from(["conv1", "dense2", "output"])
numbers = st.integers(0, 3)
some: st.SearchStrategy[Edit] = st.one_of(
    st.builds(Off, layer=layers, number=numbers),
    st.builds(Scale, layer=layers, number=numbers, factor=st.floats(-10, 10)),
    st.builds(Bias, layer=layers, number=numbers, value=st.floats(-9, 9)),
    st.builds(
        Write,
        layer=layers,
        number=numbers,
        channel=numbers,
        weights=st.lists(st.floats(-9, 9), min_size=1, max_size=4).map(tuple),
    ),
    st.builds(
        Prune,
        what=st.sampled_from(["weights", "kernels"]),
        layer=st.one_of(st.none(), layers),
        share=st.floats(0.1, 1),
    ),
)


def built(edits: list[Edit]) -> Edits:
    found: Edits = ()
    for edit in edits:
        found = add(found, edit)
    return found


@given(st.lists(some, max_size=12))
def test_json_gives_the_same_edits_again(edits: list[Edit]) -> None:
    assert from_json(to_json(built(edits))) == built(edits)
    assert hash(built(edits)) == hash(from_json(to_json(built(edits))))


@given(st.lists(some, max_size=12), some)
def test_the_latest_edit_stands_and_others_stay(edits: list[Edit], edit: Edit) -> None:
    before = built(edits)
    after = add(before, edit)
    assert edit in after
    assert add(after, edit) == after
    assert len(after) - len(before) in (0, 1)
    assert set(remove(after, edit)) <= set(before)


def test_the_order_follows_from_the_kinds() -> None:
    one: list[Edit] = [
        Prune(share=0.5),
        Write(layer="conv1", number=0, weights=(1.0,)),
        Scale(layer="conv1", number=0, factor=2.0),
        Off(layer="conv1", number=0),
    ]
    assert {built(list(order)) for order in permutations(one)} == {tuple(one)}
    assert of_unit(tuple(one), "conv1", 0) == tuple(one[1:])
    assert of_unit(tuple(one), "conv1", 1) == ()


@pytest.mark.parametrize(
    ("edit", "maps", "wanted"),
    [
        (Off(layer="conv2", number=3), True, "conv2, kernel 3: switched off"),
        (Scale(layer="dense1", number=12, factor=-0.5), False, "dense1, unit 12: times −0.5"),
        (Bias(layer="conv1", number=0, value=-1.25), True, "conv1, kernel 0: bias −1.25"),
        (
            Write(layer="conv2", number=1, channel=4, weights=(1.0,)),
            True,
            "conv2, kernel 1: weights for input map 4 written by hand",
        ),
        (Write(layer="output", number=1, weights=(1.0,)), False, "output, unit 1: weights written by hand"),
        (Prune(share=0.1), True, "the 10% weakest weights of the whole network: 0"),
        (Prune(share=0.25, layer="conv2"), True, "the 25% weakest weights in conv2: 0"),
        (Prune(share=0.5, what="kernels", layer="conv2"), True, "the 50% weakest kernels and units in conv2: off"),
    ],
)
def test_edits_in_words(edit: Edit, maps: bool, wanted: str) -> None:
    assert words(edit, maps) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '[{"kind": "off", "layer": "../x", "number": 0}]',
        '[{"kind": "off", "layer": "conv1", "number": -1}]',
        '[{"kind": "scale", "layer": "conv1", "number": 0, "factor": NaN}]',
        '[{"kind": "prune", "share": 0}]',
        '[{"kind": "rm", "layer": "conv1"}]',
        "[" + ",".join(f'{{"kind": "off", "layer": "conv1", "number": {n}}}' for n in range(MAX_EDITS + 1)) + "]",
    ],
)
def test_other_json_is_refused_in_words(text: str) -> None:
    with pytest.raises(SpecError):
        from_json(text)


def test_there_is_an_end_to_edits() -> None:
    full = built([Off(layer="conv1", number=number) for number in range(MAX_EDITS)])
    with pytest.raises(SpecError, match="remove some"):
        add(full, Off(layer="conv2", number=0))
    assert len(add(full, Off(layer="conv1", number=7))) == MAX_EDITS


def test_undo_and_redo() -> None:
    off, scaled = Off(layer="conv1", number=0), Scale(layer="conv1", number=1, factor=2.0)
    history = History().then((off,)).then((off, scaled))
    assert history.undo().now == (off,)
    assert history.undo().undo().now == ()
    assert history.undo().undo().undo() == history.undo().undo()
    assert history.undo().redo() == history
    assert history.redo() == history
    assert history.undo().then((scaled,)).redo().now == (scaled,)
    assert history.then(history.now) == history
