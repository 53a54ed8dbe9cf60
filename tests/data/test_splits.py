from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.data import Dataset, Images, split
from explorer.data.cards import CARDS
from explorer.data.splits import stratified_order, stratified_sample
from explorer.errors import DataError
from explorer.spec import DataSpec

counts = st.lists(st.integers(1, 60), min_size=1, max_size=8) | st.lists(st.sampled_from([1, 2, 3, 300]), max_size=12)


class Forbidden:
    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("the test images were touched")


def dataset(labels: np.ndarray) -> Dataset:
    train = Images(np.zeros((len(labels), 1, 1, 1), np.uint8), labels)
    return Dataset(CARDS["mnist"], train, cast(Images, Forbidden()), complete=True, notice=None, fingerprint="")


def shuffled(sizes: list[int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(np.int64)


@given(counts.filter(bool), st.integers(0, 2**31 - 1))
def test_every_prefix_of_the_order_is_stratified_to_within_one(sizes: list[int], seed: int) -> None:
    labels = shuffled(sizes, seed)
    order = stratified_order(labels, seed)
    assert np.array_equal(np.sort(order), np.arange(len(labels)))
    seen = np.cumsum(labels[order][:, None] == np.arange(len(sizes)), axis=0)
    share = np.arange(1, len(labels) + 1)[:, None] * np.array(sizes) / len(labels)
    assert np.abs(seen - share).max() < 1


@given(
    counts.filter(lambda sizes: sum(sizes) >= 2),
    st.integers(0, 2**31 - 1),
    st.floats(0.01, 0.5),
    st.none() | st.integers(10, 3_000),
)
def test_a_split_is_disjoint_and_stratified_and_never_touches_the_test_images(
    sizes: list[int], seed: int, share: float, size: int | None
) -> None:
    labels = shuffled(sizes)
    parts = split(dataset(labels), DataSpec(validation_share=share, split_seed=seed, train_size=size))
    held_out, total = len(parts.validation), len(labels)
    assert held_out >= 1
    assert held_out == 1 or abs(held_out - share * total) <= 0.5
    assert len(parts.train) == min(size or total, total - held_out)
    together = np.concatenate([parts.train, parts.validation])
    assert len(np.unique(together)) == len(together)
    if size is None:
        assert np.array_equal(np.sort(together), np.arange(total))
    for part in (parts.train, parts.validation):
        per_class = np.bincount(labels[part], minlength=len(sizes))
        assert np.abs(per_class - len(part) * np.array(sizes) / total).max() < 1


@settings(max_examples=30)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8).filter(lambda sizes: sum(sizes) >= 40), st.integers(0, 99))
def test_a_larger_split_contains_the_smaller_ones(sizes: list[int], seed: int) -> None:
    data = dataset(shuffled(sizes))
    by_size = [split(data, DataSpec(train_size=size, split_seed=seed)) for size in (10, 17, 30, None)]
    for smaller, larger in pairwise(by_size):
        assert np.array_equal(smaller.validation, larger.validation)
        assert np.array_equal(smaller.train, larger.train[: len(smaller.train)])
    by_share = [split(data, DataSpec(validation_share=share, split_seed=seed)) for share in (0.05, 0.1, 0.5)]
    for smaller, larger in pairwise(by_share):
        assert set(smaller.validation) <= set(larger.validation)


def test_the_split_is_the_same_everywhere_and_another_for_another_seed() -> None:
    labels = np.arange(40) % 4
    parts = split(dataset(labels), DataSpec(train_size=10, split_seed=7))
    # Written down once: a change would move images between training and validation of all earlier runs.
    assert parts.validation.tolist() == [32, 37, 6, 23]
    assert parts.train.tolist() == [19, 38, 1, 16, 27, 2, 5, 8, 7, 34]
    other = split(dataset(labels), DataSpec(train_size=10, split_seed=8))
    assert other.train.tolist() != parts.train.tolist()


def test_images_of_a_class_are_drawn_evenly() -> None:
    labels = np.zeros(20, np.int64)
    first = [stratified_order(labels, seed)[0] for seed in range(400)]
    counts_of = np.bincount(first, minlength=20)
    assert counts_of.min() > 0
    assert counts_of.max() < 60  # 20 expected, standard deviation 4.4


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_images_to_split_are_explained(count: int) -> None:
    with pytest.raises(DataError, match="at least 2"):
        split(dataset(np.zeros(count, np.int64)), DataSpec())


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.integers(1, 200), st.integers(0, 5))
def test_a_sample_has_each_class_by_its_share_and_holds_smaller_ones(given: list[int], count: int, seed: int) -> None:
    labels = np.array(given)
    found = stratified_sample(labels, count, seed)
    assert len(found) == min(count, len(labels))
    assert (np.diff(found) > 0).all()
    for label in range(5):
        assert abs((labels[found] == label).sum() - len(found) * (labels == label).mean()) < 1
    assert set(stratified_sample(labels, count // 2 + 1, seed)) <= set(stratified_sample(labels, count // 2 + 5, seed))
