"""What networks differ in: nothing that decides a run's result is left out, and what is told is what was chosen."""

from __future__ import annotations

from typing import Any

import pytest

from explorer.blocks import Blocks, ConvBlock, DenseBlock, to_model
from explorer.presets import PRESETS
from explorer.published import lenet5
from explorer.spec import Augmentation, Conv, DataSpec, Flatten, ModelSpec, Output, Pool, RunSpec, TrainSpec
from explorer.ui.differences import NOTHING, SEED, facts

ARTICLE = RunSpec(name="article", model=PRESETS["article"].model)
COMPUTED = {"device", "precision", "memory_format"}
"""They decide about time and the last bits, not about what is learned."""
OTHER: dict[str, Any] = {
    "optimizer": "sgd",
    "learning_rate": 0.5,
    "schedule": "cosine",
    "batch_size": 7,
    "epochs": 9,
    "weight_decay": 0.3,
    "label_smoothing": 0.2,
    "initialization": "orthogonal",
    "patience": 4,
    "seed": 11,
    "frozen_kernels": (((1.0,) * 3,) * 3,),
    "train_size": 500,
    "validation_share": 0.3,
    "split_seed": 5,
}


def differing(*specs: RunSpec) -> dict[str, tuple[str, ...]]:
    return {fact.name: fact.values for fact in facts(specs) if fact.differs}


def with_recipe(**values: Any) -> RunSpec:
    return ARTICLE.model_copy(update={"train": ARTICLE.train.model_copy(update=values)})


@pytest.mark.parametrize("name", sorted(TrainSpec.model_fields.keys() - {"augmentation"} - COMPUTED))
def test_each_part_of_a_recipe_is_one_difference(name: str) -> None:
    assert len(differing(ARTICLE, with_recipe(**{name: OTHER[name]}))) == 1


@pytest.mark.parametrize("name", sorted(Augmentation.model_fields))
def test_each_augmentation_is_told(name: str) -> None:
    (values,) = differing(ARTICLE, with_recipe(augmentation=Augmentation(**{name: 0.5}))).values()
    assert values[0] == "none"
    assert values[1].startswith("rotation" if name == "rotate" else name)


@pytest.mark.parametrize("name", sorted(DataSpec.model_fields.keys() - {"dataset"}))
def test_each_choice_of_digits_is_one_difference(name: str) -> None:
    """Networks of different data sets are not compared."""
    other = ARTICLE.model_copy(update={"data": ARTICLE.data.model_copy(update={name: OTHER[name]})})
    assert len(differing(ARTICLE, other)) == 1


@pytest.mark.parametrize("part", [ConvBlock(pool="max"), DenseBlock()])
def test_each_part_of_a_block_is_told(part: ConvBlock | DenseBlock) -> None:
    changes: dict[str, Any] = {
        **{"kernels": 5, "kernel_size": 5, "stride": 2, "padding": "same", "batch_norm": True, "activation": "tanh"},
        **{"pool": "average", "pool_size": 3, "pool_stride": 3, "dropout": 0.5, "units": 40},
    }
    for name in type(part).model_fields:
        other = part.model_copy(update={name: changes[name]})
        kind = "convs" if isinstance(part, ConvBlock) else "dense"
        one, two = (RunSpec(model=to_model(Blocks(**{kind: (block,)}))) for block in (part, other))
        (told,) = differing(one, two)
        assert told.startswith(("Block 1: ", "Dense layer 1: ")), name


def test_blocks_that_only_one_has_or_that_differ_much_are_told_in_a_line() -> None:
    found = differing(ARTICLE, RunSpec(model=PRESETS["tiny"].model))
    assert found["Block 1"] == (
        "32 of 3×3, padding valid · ReLU · max pooling 2×2",
        "8 of 3×3, padding valid · batch norm · ReLU",
    )
    assert found["Block 5"] == (NOTHING, "16 of 3×3, padding valid · batch norm · ReLU")
    assert found["Dense layer 1"] == ("128 units · ReLU", NOTHING)
    assert found["After the maps"] == ("flatten", "global average pooling")


def test_only_the_seed() -> None:
    assert differing(ARTICLE, with_recipe(seed=1), ARTICLE) == {SEED: ("0", "1", "0")}
    assert differing(ARTICLE, ARTICLE) == {}


def test_a_network_that_no_blocks_make_shows_its_layers() -> None:
    found = {fact.name: fact for fact in facts([ARTICLE, RunSpec(model=lenet5())])}
    assert found["Layers"].values[0] == NOTHING
    assert found["Layers"].values[1].startswith("conv1")
    assert found["Block 1"].values[1] == NOTHING
    few, many = (
        RunSpec(model=ModelSpec(layers=(Pool(), Conv(kernels=kernels, kernel_size=3), Flatten(), Output())))
        for kernels in (2, 64)
    )
    assert set(differing(few, many)) == {"Layers"}
    assert "table" in found["Layers"].values[1]


def test_small_differences_are_seen() -> None:
    assert differing(ARTICLE, with_recipe(label_smoothing=0.004)) == {"Label smoothing": ("0%", "0.4%")}
    sizes = [with_recipe(augmentation=Augmentation(scale=scale)) for scale in (0.096, 0.104)]
    assert differing(*sizes) == {"Augmentation": ("scale 9.6%", "scale 10.4%")}
    strides = [RunSpec(model=to_model(Blocks(convs=(ConvBlock(pool="max", pool_stride=stride),)))) for stride in (1, 2)]
    assert len(set(facts([*strides, RunSpec(model=PRESETS["mlp"].model)])[0].values)) == 3


def test_what_no_recipe_made_has_none() -> None:
    found = {fact.name: fact.values for fact in facts([ARTICLE, ARTICLE], [True, False])}
    assert found["Learning rate"] == ("0.002", NOTHING)
    assert found["Training images"] == ("all", NOTHING)
    assert found["Block 1: kernels"] == ("32", "32")


def test_other_frozen_kernels_of_the_same_number_are_told_apart() -> None:
    one, other = ((((weight,) * 3,) * 3,) for weight in (1.0, 2.0))
    found = differing(with_recipe(frozen_kernels=one), with_recipe(frozen_kernels=other), ARTICLE)
    assert found == {"Frozen kernels": ("1, set A", "1, set B", "none")}
