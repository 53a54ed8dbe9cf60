"""What holds for every figure: Plotly accepts it, its colours are the theme's, its arrays are small."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from functools import cache

import numpy as np
import plotly.graph_objects as go
import pytest

from explorer.figures import bars, counts, curves, maps, matrix, points
from explorer.figures.curves import Series
from explorer.figures.network import architecture
from explorer.figures.probes import probes
from explorer.figures.theme import LIGHT
from explorer.presets import PRESETS
from explorer.shapes import trace

CLASSES = tuple("0123456789")


@cache
def figures() -> dict[str, go.Figure]:
    generator = np.random.default_rng(0)
    line = Series("train", np.arange(30.0), generator.random(30))
    shares = generator.dirichlet(np.ones(10), 10)
    return {
        "network": architecture(trace(PRESETS["vgg"].model, (1, 28, 28), 10), (1, 28, 28)),
        "loss": curves.loss(line, line, log=True),
        "accuracy": curves.accuracy(line, line),
        "learning rate": curves.learning_rate(line, axis="step"),
        "gradient norms": curves.gradient_norms([line] * 8),
        "matrix": matrix.matrix(generator.integers(0, 9, (10, 10)), CLASSES, chosen=(1, 2)),
        "map": maps.heatmap(generator.normal(size=(26, 26)), scale="signed", title="conv1"),
        "picture": maps.heatmap(generator.random((5, 5)), scale="brightness", numbers=True),
        "before and after": bars.before_after(shares[0], shares[1], CLASSES, true=3),
        "probes": probes(shares, np.arange(10), CLASSES),
        "cloud": points.cloud(
            generator.normal(size=(50, 2)),
            generator.integers(0, 10, 50),
            generator.integers(0, 10, 50),
            CLASSES,
            names=["digit"] * 50,
            current=np.zeros(2),
            selected=np.arange(9),
        ),
        "counts": counts.counts({"train": np.arange(10), "test": np.ones(10)}, CLASSES),
        "depth": points.depth(CLASSES, shares[0], shares[1]),
    }


NAMES = (
    *("network", "loss", "accuracy", "learning rate", "gradient norms", "matrix"),
    *("map", "picture", "before and after", "probes", "cloud", "counts", "depth"),
)


def test_every_figure_is_listed() -> None:
    assert set(NAMES) == set(figures())


@pytest.mark.parametrize("name", NAMES)
def test_plotly_accepts_the_figure(name: str) -> None:
    given = figures()[name].to_dict()
    checked = go.Figure(given).to_dict()
    assert [set(shown) for shown in checked["data"]] == [set(shown) for shown in given["data"]]


@pytest.mark.parametrize("name", NAMES)
def test_zoom_is_kept_through_updates(name: str) -> None:
    assert figures()[name].layout.uirevision


@pytest.mark.parametrize("name", NAMES)
def test_colours_are_the_themes_so_that_they_follow_it(name: str) -> None:
    content = figures()[name].to_dict()
    del content["layout"]["template"]
    text = json.dumps(content, default=str)
    known = {colour for item in fields(LIGHT) for colour in _flat(getattr(LIGHT, item.name))}
    used = set(re.findall(r"#[0-9a-f]{6}", text))
    assert used <= known
    assert not re.search(r"#[0-9A-Fa-f]{3}\b", text)


@pytest.mark.parametrize("name", NAMES)
def test_arrays_travel_as_float32_or_integers(name: str) -> None:
    text = figures()[name].to_json()
    assert '"dtype":"f8"' not in text
    assert len(text) < 60_000


def _flat(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return list(value.values()) if hasattr(value, "values") else list(value)
