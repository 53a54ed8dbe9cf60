"""Maps against scikit-learn on the raw arrays, turning against SciPy."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from explorer.analysis.embedding import Plane, tsne_map, turned


def blobs(count: int = 90, width: int = 60, seed: int = 0) -> np.ndarray:
    """Three groups far apart."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(scale=8, size=(3, width))
    return (centres[np.arange(count) % 3] + generator.normal(size=(count, width))).astype(np.float32)


def test_the_plane_is_scikit_learns() -> None:
    rows = blobs()
    plane = Plane.of(rows)
    expected = PCA(2, random_state=0).fit(rows)
    np.testing.assert_allclose(plane.place(rows), expected.transform(rows), rtol=1e-3, atol=1e-3)
    assert plane.seen(rows) == pytest.approx(expected.explained_variance_ratio_.sum(), rel=1e-4)
    other = blobs(seed=1)
    np.testing.assert_allclose(plane.place(other), expected.transform(other), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rows", [np.ones((9, 5)), np.ones((1, 5)), np.arange(9.0)[:, None]])
def test_a_layer_with_little_to_say_has_a_flat_plane(rows: np.ndarray) -> None:
    plane = Plane.of(rows.astype(np.float32))
    found = plane.place(rows.astype(np.float32))
    assert found.shape == (len(rows), 2)
    assert (found[:, 1] == 0).all()
    varies = bool(np.ptp(rows))
    assert found[:, 0].any() == varies
    assert plane.seen(rows) == pytest.approx(float(varies))


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=30)
def test_a_turned_and_mirrored_map_is_turned_back(seed: int, mirrored: bool) -> None:
    generator = np.random.default_rng(seed)
    like = generator.normal(size=(20, 2))
    turn = Rotation.from_euler("z", generator.uniform(0, 360), degrees=True).as_matrix()[:2, :2]
    if mirrored:
        turn = turn @ np.diag([1, -1])
    found = turned(3 * like @ turn + 5, like)
    np.testing.assert_allclose(found, 3 * (like - like.mean(0)), atol=1e-9)


def test_a_t_sne_map_is_scikit_learns_turned(capsys: pytest.CaptureFixture[str]) -> None:
    rows = blobs()
    start = Plane.of(rows).place(rows)
    shares: list[float] = []
    out = sys.stdout
    found = tsne_map(rows, start, progress=shares.append)
    assert sys.stdout is out
    assert capsys.readouterr().out == ""
    assert shares == sorted(shares)
    assert len(shares) >= 5
    assert shares[-1] <= 1

    reduced = PCA(50, random_state=0).fit(rows).transform(rows)
    begin = start / float(start[:, 0].std()) * 1e-4  # to the bit: the smallest difference grows
    expected = TSNE(init=begin, perplexity=(len(rows) - 1) / 3, random_state=0).fit_transform(reduced)
    distances = [np.linalg.norm(each[:, None] - each[None], axis=2) for each in (found, expected)]
    np.testing.assert_allclose(*distances, rtol=1e-2, atol=1e-2)
    assert trustworthiness(rows, found, n_neighbors=5) > 0.8
    np.testing.assert_array_equal(tsne_map(rows, start), found)


def test_progress_ends_it_and_standard_output_is_given_back() -> None:
    rows, out = blobs(), sys.stdout

    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tsne_map(rows, Plane.of(rows).place(rows), progress=stop)
    assert sys.stdout is out


def test_digits_that_are_all_alike_lie_on_one_another() -> None:
    rows = np.ones((30, 5), np.float32)
    assert (tsne_map(rows, Plane.of(rows).place(rows)) == 0).all()
