"""Specs: valid if they exist, the same after JSON and after a link, and no link that hurts."""

from __future__ import annotations

import base64
import json
import string
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from strategies import blocks, model_specs, run_specs

from explorer.blocks import Blocks
from explorer.errors import ExplorerError, SpecError
from explorer.presets import PRESETS
from explorer.spec import (
    MAX_LAYERS,
    MAX_LINK_BYTES,
    MAX_LINK_CHARACTERS,
    Activation,
    Augmentation,
    BatchNorm,
    Conv,
    DataSpec,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    ModelSpec,
    Output,
    Pool,
    RunSpec,
    TrainSpec,
    from_json,
    from_link,
    from_text,
    to_link,
)

ROOT = Path(__file__).parents[1]
LINK_CHARACTERS = string.ascii_letters + string.digits + "-_"
ARTICLE = RunSpec(name="Article", model=PRESETS["article"].model)


def link_of(raw: bytes) -> str:
    """What ``to_link`` would make of these bytes."""
    return base64.urlsafe_b64encode(zlib.compress(raw, 9, wbits=-15)).decode().rstrip("=")


# --- round trips ----------------------------------------------------------------------------------------------------


@given(run_specs() | model_specs() | blocks())
def test_json_and_links_give_the_same_back(spec: BaseModel) -> None:
    kind = type(spec)
    assert from_json(kind, spec.model_dump_json()) == spec
    link = to_link(spec)
    assert set(link) <= set(LINK_CHARACTERS)
    assert len(link) <= MAX_LINK_CHARACTERS
    again = from_link(kind, link)
    assert again == spec
    assert hash(again) == hash(spec)


def test_the_largest_network_still_has_a_link() -> None:
    layers = tuple(
        Conv(kernels=1 + 977 * i % 1024, kernel_size=1 + i % 31, stride=1 + i % 8, padding=i % 16, bias=i % 3 > 0)
        for i in range(MAX_LAYERS - 2)
    )
    spec = ModelSpec(layers=(*layers, Flatten(), Output()))
    assert from_link(ModelSpec, to_link(spec)) == spec


@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_link_is_short(name: str) -> None:
    assert len(to_link(PRESETS[name].blocks)) < 300


def test_defaults_stay_out_of_links_so_that_only_what_was_chosen_is_told() -> None:
    spec = RunSpec(name="N", model=ModelSpec(layers=(Flatten(), Output())), train=TrainSpec(epochs=7))
    slim = json.loads(zlib.decompress(base64.urlsafe_b64decode(to_link(spec) + "=="), wbits=-15))
    assert slim == {
        "name": "N", "model": {"layers": [{"kind": "flatten"}, {"kind": "output"}]}, "train": {"epochs": 7},
    }  # fmt: skip


# --- bad links ------------------------------------------------------------------------------------------------------


def spec_or_sentence(link: str) -> RunSpec | str:
    try:
        return from_link(RunSpec, link)
    except SpecError as error:
        return str(error)


@given(st.text(max_size=200) | st.text(LINK_CHARACTERS, max_size=200))
def test_any_text_is_a_spec_or_one_sentence(text: str) -> None:
    assert spec_or_sentence(text)


@given(run_specs(), st.data())
def test_a_damaged_link_is_a_spec_or_one_sentence(spec: RunSpec, data: st.DataObject) -> None:
    link = to_link(spec)
    place = data.draw(st.integers(0, len(link) - 1))
    damaged = link[:place] + data.draw(st.sampled_from(LINK_CHARACTERS + "%é\n")) + link[place + 1 :]
    assert spec_or_sentence(damaged)


@given(st.integers(0, len(to_link(ARTICLE)) - 2))
def test_a_link_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(SpecError, match="ask for the link again"):
        from_link(RunSpec, to_link(ARTICLE)[:length])


@given(st.binary(max_size=300))
def test_whatever_is_packed_into_a_link_is_a_spec_or_one_sentence(raw: bytes) -> None:
    with pytest.raises(SpecError):
        from_link(RunSpec, link_of(raw))


@pytest.mark.parametrize("raw", [b"[" * 50_000, b'{"model":' * 9_000, b"1" * 90_000, b'"\xff"', b"\xef\xbb\xbf{}"])
def test_json_that_is_built_to_hurt_is_refused(raw: bytes) -> None:
    with pytest.raises(SpecError):
        from_link(RunSpec, link_of(raw))


def test_a_bomb_is_not_unpacked() -> None:
    bomb = link_of(b" " * 3_000_000)
    assert len(bomb) <= MAX_LINK_CHARACTERS  # so it is its content that is refused
    tracemalloc.start()
    with pytest.raises(SpecError, match="cut off or too large"):
        from_link(RunSpec, bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * MAX_LINK_BYTES


def test_an_endless_link_is_not_even_decoded() -> None:
    with pytest.raises(SpecError, match=r"6,001 characters long; at most 6,000 are read"):
        from_link(RunSpec, "A" * (MAX_LINK_CHARACTERS + 1))


def test_a_link_to_something_else_is_refused() -> None:
    with pytest.raises(SpecError):
        from_link(RunSpec, to_link(PRESETS["article"].blocks))
    with pytest.raises(SpecError):
        from_link(ModelSpec, to_link(ARTICLE))


# --- what may exist -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ((Output(), Output()), "exactly one flatten or global average pooling"),
        ((Flatten(), GlobalAveragePool(), Output()), "exactly one flatten or global average pooling"),
        ((Output(), Flatten()), "exactly one output layer, at its end"),
        ((Flatten(), Dense(units=3)), "exactly one output layer, at its end"),
        ((Flatten(), Output(), Output()), "exactly one output layer, at its end"),
        ((Flatten(), Conv(kernels=1, kernel_size=1), Output()), "layer 2: conv needs feature maps"),
        ((GlobalAveragePool(), Pool(), Output()), "layer 2: pool .* must stand before global_average_pool"),
        ((Dense(units=3), Flatten(), Output()), "layer 1: a dense layer needs a vector"),
        ((Flatten(),), "at least 2 items"),
        (((BatchNorm(),) * MAX_LAYERS + (Flatten(), Output())), "at most 64 items"),
    ],
)
def test_layers_stand_in_an_order_that_makes_sense(layers: tuple[BaseModel, ...], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ModelSpec(layers=layers)  # type: ignore[arg-type]
    listed = json.dumps({"layers": [layer.model_dump() for layer in layers]})
    with pytest.raises(SpecError, match=sentence):
        from_json(ModelSpec, listed)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Conv, {"kernels": 0, "kernel_size": 3}),
        (Conv, {"kernels": 1, "kernel_size": 32}),
        (Conv, {"kernels": 1, "kernel_size": 3, "padding": -1}),
        (Conv, {"kernels": 1, "kernel_size": 3, "padding": "full"}),
        (Conv, {"kernels": 1, "kernel_size": 3, "dilation": 2}),
        (Conv, {"kernels": 1.5, "kernel_size": 3}),
        (Pool, {"size": 0}),
        (Pool, {"mode": "median"}),
        (Dropout, {"rate": 1.0}),
        (Dropout, {"rate": float("nan")}),
        (Activation, {"function": "swish"}),
        (TrainSpec, {"learning_rate": 0.0}),
        (TrainSpec, {"learning_rate": float("inf")}),
        (TrainSpec, {"epochs": 0}),
        (TrainSpec, {"frozen_kernels": [[]]}),
        (TrainSpec, {"frozen_kernels": [[[1, 2]]]}),
        (TrainSpec, {"frozen_kernels": [[[1, 2], [3]]]}),
        (TrainSpec, {"frozen_kernels": [[[1]], [[1, 2], [3, 4]]]}),
        (TrainSpec, {"frozen_kernels": [[[float("nan")]]]}),
        (TrainSpec, {"frozen_kernels": [[[1e300]]]}),
        (TrainSpec, {"frozen_kernels": [[[1]]] * 13}),
        (Augmentation, {"rotate": 181}),
        (DataSpec, {"dataset": "../secret"}),
        (DataSpec, {"train_size": 9}),
        (RunSpec, {"name": " ", "model": ARTICLE.model}),
        (RunSpec, {"name": "two\nlines", "model": ARTICLE.model}),
    ],
)
def test_values_out_of_range_do_not_exist(kind: type[BaseModel], values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(values)


def test_specs_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ARTICLE.train.epochs = 5  # type: ignore[misc]


def test_a_name_loses_the_space_around_it() -> None:
    assert RunSpec(name="  my net ", model=ARTICLE.model).name == "my net"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"epochs": -3}', r"^epochs: .*greater than or equal to 1 \(given: -3\)$"),
        ('{"optimizer": "lion"}', r"^optimizer: .*'adamw' \(given: 'lion'\)$"),
        ('{"augmentation": {"shift": 99}}', r"^augmentation\.shift: .*\(given: 99\)$"),
        ('{"hurry": true}', r"^hurry: Extra inputs are not permitted"),
        ("{", r"^the whole: Invalid JSON"),
    ],
)
def test_a_fault_is_told_with_its_place_and_the_value(text: str, sentence: str) -> None:
    with pytest.raises(ExplorerError, match=sentence):
        from_json(TrainSpec, text)


# --- frozen kernels -------------------------------------------------------------------------------------------------


def test_a_recipe_without_frozen_kernels_is_written_as_ever() -> None:
    assert "frozen" not in ARTICLE.model_dump_json()
    assert "frozen_kernels" not in ARTICLE.train.model_dump()
    card = json.loads((ROOT / "model_zoo" / "article.json").read_text("utf-8"))
    spec = RunSpec.model_validate(card["spec"])
    assert spec.train.frozen_kernels == ()
    assert json.loads(spec.model_dump_json()) == card["spec"]


def test_frozen_kernels_round_trip_and_their_link_stays_short() -> None:
    edge = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
    spec = RunSpec(model=ARTICLE.model, train=TrainSpec(frozen_kernels=(edge, edge)))
    assert from_json(RunSpec, spec.model_dump_json()) == spec
    assert from_link(RunSpec, to_link(spec)) == spec
    assert hash(from_link(RunSpec, to_link(spec))) == hash(spec)
    assert len(to_link(spec)) < len(to_link(ARTICLE)) + 100


@pytest.mark.parametrize(
    ("layers", "kernels", "fault"),
    [
        ((), [[[1.0]]], "has none: add one, or remove the frozen kernels$"),
        (
            (Conv(kernels=4, kernel_size=3),),
            [[[1.0]]],
            "1×1, the first convolution's 3×3: set its kernel size to 1",
        ),
        (
            (Pool(), Conv(kernels=1, kernel_size=1)),
            [[[1.0]], [[2.0]]],
            "are 2 .* has 1 in all: give it 2 or more",
        ),
    ],
)
def test_frozen_kernels_that_do_not_fit_are_refused_in_words(
    layers: tuple[Conv | Pool, ...], kernels: list[list[list[float]]], fault: str
) -> None:
    model = ModelSpec(layers=(*layers, Flatten(), Output()))
    text = json.dumps({"model": model.model_dump(mode="json"), "train": {"frozen_kernels": kernels}})
    with pytest.raises(SpecError, match=fault):
        from_json(RunSpec, text)


@pytest.mark.parametrize(
    ("kernels", "fault"),
    [
        ("[[[1, 2], [3]]]", "kernel 0 is not square"),
        ("[[[1]], [[1, 2], [3, 4]]]", "kernel 1 is 2×2, kernel 0 1×1: give all of them one size"),
        ("[[[1001]]]", r"frozen_kernels\.0\.0\.0: .*less than or equal to 1000"),
    ],
)
def test_odd_frozen_kernels_are_told_with_their_fault(kernels: str, fault: str) -> None:
    with pytest.raises(SpecError, match=fault):
        from_json(TrainSpec, f'{{"frozen_kernels": {kernels}}}')


# --- names ----------------------------------------------------------------------------------------------------------


def test_names_are_counted_by_kind() -> None:
    spec = ModelSpec(
        layers=(
            *(Conv(kernels=1, kernel_size=1), BatchNorm(), Activation(), Pool(), Dropout()) * 2,
            GlobalAveragePool(),
            *(Dense(units=2), Activation(function="leaky_relu"), Dropout()),
            Output(),
        )
    )
    assert " ".join(spec.names) == (
        "conv1 norm1 relu1 pool1 dropout1 conv2 norm2 relu2 pool2 dropout2 gap dense1 leaky_relu1 dropout3 output"
    )


@given(model_specs())
def test_names_are_unique_identifiers(spec: ModelSpec) -> None:
    assert len(set(spec.names)) == len(spec.names) == len(spec.layers)
    assert all(name.isidentifier() for name in spec.names)


def test_augmentation_is_off_until_something_is_switched_on() -> None:
    assert not Augmentation()
    assert Augmentation(rotate=1)
    assert Augmentation(slant=1).moves
    assert Augmentation(thickness=0.5)
    assert not Augmentation(thickness=0.5).moves


def test_slant_and_thickness_are_written_only_where_they_are_on() -> None:
    before = {"shift": 1.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0}
    assert Augmentation(shift=1).model_dump() == before
    assert Augmentation(shift=1, slant=5).model_dump() == before | {"slant": 5.0}
    assert Augmentation.model_validate(before) == Augmentation(shift=1)
    assert Blocks() == Blocks(convs=(), dense=())


# --- as users have it ---


@given(run_specs())
def test_a_spec_is_read_as_json_as_a_card_s_and_as_a_link(spec: RunSpec) -> None:
    text = spec.model_dump_json()
    assert from_text(f"\n {text} ") == spec
    assert from_text(json.dumps({"name": "card", "spec": json.loads(text)})) == spec
    link = to_link(spec)
    if len(link) <= MAX_LINK_CHARACTERS:
        assert from_text(link) == spec
        assert from_text(f"https://host.example:8501/?network=tiny&spec={link}&digit=3") == spec


@pytest.mark.parametrize("text", ["", "nonsense", "{", '{"spec": 3}', '{"spec": {}}', "{}", "[1]", '{"a":' * 100_000])
def test_any_other_text_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(SpecError):
        from_text(text)


def test_another_name_is_checked_like_the_first() -> None:
    spec = RunSpec(name="a", model=PRESETS["softmax"].model)
    assert spec.renamed(" b ") == RunSpec(name="b", model=spec.model)
    with pytest.raises(SpecError, match="name"):
        spec.renamed("\n")
