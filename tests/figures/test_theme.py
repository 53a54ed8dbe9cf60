"""Contrast by WCAG's own formula, colour vision by Machado, Oliveira and Fernandes (2009), numbers by properties."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import get_args

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.colors import sample_colorscale
from skimage.color import deltaE_ciede2000, rgb2lab

from explorer import spec
from explorer.figures import theme
from explorer.figures.theme import DARK, LIGHT, Palette

PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
# Severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _linear(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _encoded(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _contrast(one: str, other: str) -> float:
    dark, light = sorted(float(_linear(_rgb(colour)) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def _smallest_difference(colours: tuple[str, ...], vision: str) -> float:
    """CIEDE2000 between the two colours that are nearest to each other; 1 is just noticeable."""
    seen = _encoded(_linear(np.stack([_rgb(colour) for colour in colours])) @ np.array(VISION[vision]).T)
    lab = rgb2lab(seen[None])[0]
    return min(float(deltaE_ciede2000(lab[i], lab[j])) for i, j in combinations(range(len(lab)), 2))


def _lightness(colours: tuple[str, ...]) -> np.ndarray:
    return np.asarray(rgb2lab(np.stack([_rgb(colour) for colour in colours])[None])[0][:, 0])


def test_the_contrast_formula_gives_the_known_extremes():
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@PALETTES
@pytest.mark.parametrize("ground", ["background", "surface"])
def test_texts_and_graphics_stand_out(palette: Palette, ground: str):
    behind = getattr(palette, ground)
    for name in ("text", "muted", "accent", "right", "wrong"):
        assert _contrast(getattr(palette, name), behind) >= 4.5, name
    for colour in (palette.train, palette.validation, *palette.classes, *palette.kinds.values()):
        assert _contrast(colour, behind) >= 3, colour


@PALETTES
@pytest.mark.parametrize(("vision", "least"), [("normal", 18), ("protan", 10), ("deutan", 10), ("tritan", 10)])
def test_classes_right_wrong_and_curves_differ_for_every_eye(palette: Palette, vision: str, least: float):
    assert len(palette.classes) == 10
    assert _smallest_difference(palette.classes, vision) >= least
    assert _smallest_difference((palette.right, palette.wrong), vision) >= least
    assert _smallest_difference((palette.train, palette.validation), vision) >= 10


@PALETTES
def test_signed_scale_is_neutral_at_zero_and_symmetric(palette: Palette):
    stops = palette.signed
    assert len(stops) % 2 == 1
    assert stops[len(stops) // 2] == palette.background
    lightness = _lightness(stops)
    assert np.abs(lightness - lightness[::-1]).max() < 1.5
    steps = np.diff(lightness[len(stops) // 2 :])
    assert (steps < -5).all() or (steps > 5).all()
    lab = rgb2lab(np.stack([_rgb(stops[0]), _rgb(stops[-1])])[None])[0]
    assert lab[0, 2] < -20 < 20 < lab[1, 2]  # blue below zero, orange above


@PALETTES
def test_sequential_scale_leaves_the_background_evenly(palette: Palette):
    lightness = _lightness(palette.sequential)
    steps = np.diff(lightness)
    assert np.ptp(steps) < 1.5
    background = _lightness((palette.background,))[0]
    assert np.abs(lightness - background).argmin() == 0
    assert (steps > 0).all() if palette is DARK else (steps < 0).all()


@pytest.mark.parametrize("name", get_args(theme.Scale))
def test_scales_are_what_plotly_takes(name: theme.Scale):
    stops = theme.scale(name)
    figure = go.Figure(go.Heatmap(z=[[0, 1]], colorscale=stops))
    assert [list(stop) for stop in figure.data[0].colorscale] == stops
    assert [stops[0][0], stops[-1][0]] == [0, 1]
    if name == "signed":
        assert sample_colorscale(stops, [0.5]) == ["rgb(255, 255, 255)"]
    if name == "brightness":
        assert sample_colorscale(stops, [0, 1]) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def test_every_light_colour_has_one_dark_counterpart():
    table = theme.translation()
    for name in ("background", "text", "muted", "grid", "border", "accent", "right", "wrong", "train", "validation"):
        assert table[getattr(LIGHT, name)] == getattr(DARK, name)
    for name in ("classes", "signed", "sequential"):
        pairs = zip(getattr(LIGHT, name), getattr(DARK, name), strict=True)
        assert all(table[light] == dark for light, dark in pairs)
    assert all(table[colour] == DARK.kinds[kind] for kind, colour in LIGHT.kinds.items())
    assert not set(table) & set(theme.BRIGHTNESS)


def test_every_layer_of_a_spec_has_a_colour():
    (union, _) = get_args(spec.Layer)
    kinds = {layer.model_fields["kind"].default for layer in get_args(union)}
    assert set(LIGHT.kinds) == set(DARK.kinds) == kinds


def test_streamlit_is_configured_with_the_same_colours():
    config = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text("utf-8"))
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        section = config["theme"][name]
        assert section["primaryColor"] == palette.accent
        assert section["backgroundColor"] == palette.background
        assert section["secondaryBackgroundColor"] == palette.surface
        assert section["textColor"] == palette.text
        assert section["borderColor"] == palette.border
        assert section["greenColor"] == palette.right
        assert section["redColor"] == palette.wrong


def test_css_variables_name_every_colour_in_both_themes():
    declared = dict(re.findall(r"--ks-([a-z0-9-]+): light-dark\((#\w{6}, #\w{6})\);", theme.css_variables()))
    assert declared["right"] == f"{LIGHT.right}, {DARK.right}"
    assert declared["class-9"] == f"{LIGHT.classes[9]}, {DARK.classes[9]}"
    assert declared["batch-norm"] == f"{LIGHT.kinds['batch_norm']}, {DARK.kinds['batch_norm']}"
    assert theme.css_variables().count("--ks-") == len(declared) == 11 + 10 + len(LIGHT.kinds)


def test_faint_colours_keep_their_name_in_front():
    assert theme.faint(LIGHT.right, 0.2) == f"{LIGHT.right}33"
    assert theme.faint(LIGHT.right, 1) == f"{LIGHT.right}ff"
    assert go.Figure(go.Scatter(fillcolor=theme.faint(LIGHT.right, 0))).data[0].fillcolor == f"{LIGHT.right}00"


def test_the_template_does_not_depend_on_plotlys_default(monkeypatch: pytest.MonkeyPatch):
    before = theme.template().to_plotly_json()
    monkeypatch.setattr(pio.templates, "default", "plotly_dark")
    assert theme.template().to_plotly_json() == before
    figure = go.Figure(layout={"template": theme.template()})
    assert figure.layout.template.layout.font.color == LIGHT.text


def test_palettes_are_values():
    assert replace(LIGHT) == LIGHT != DARK
    assert hash(LIGHT) == hash(replace(LIGHT))


# --- numbers --------------------------------------------------------------------------------------------------------

_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def _value(text: str) -> Decimal:
    mantissa, _, exponent = text.replace(",", "").replace("−", "-").partition(" × 10")
    return Decimal(mantissa) * Decimal(10) ** int(exponent.translate(_SUPERSCRIPTS) or 0)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 7))
def test_significant_is_the_number_rounded(value: float, digits: int):
    shown = _value(theme.significant(value, digits))
    exact = Decimal(value)
    if exact == 0:
        assert shown == 0
    else:
        place = exact.adjusted() - digits + 1
        # The first rounding moves it by up to half a unit of the last digit.
        assert abs(shown - exact) <= Decimal("0.500001") * Decimal(10) ** place
        assert len(shown.normalize().as_tuple().digits) <= digits


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0342, "0.0342"),
        (-1.5, "−1.50"),
        (0.5, "0.500"),
        (9.999, "10.0"),
        (999.6, "1,000"),
        (12345.6, "12,300"),
        (0.00012, "0.000120"),
        (3.2e-7, "3.20 × 10⁻⁷"),
        (1e13, "1.00 × 10¹³"),
        (7, "7"),
        (1234, "1,230"),
        (-0.0, "0"),
        (math.nan, "not a number"),
        (-math.inf, "−∞"),
    ],
)
def test_significant_in_words(value: float, shown: str):
    assert theme.significant(value) == shown


def test_counts_and_sizes():
    assert theme.count(12345) == "12,345"
    assert theme.count(-1000) == "−1,000"
    shown = [theme.compact(value) for value in (0, 999, 1000, 12_345, 999_999, 1_234_567, -2.5e9, 5e15)]
    assert shown == ["0", "999", "1.00 k", "12.3 k", "1.00 M", "1.23 M", "−2.50 G", "5,000 T"]
    assert [theme.bytes_text(size) for size in (0, 512, 1000, 4_815_765)] == ["0 B", "512 B", "1.00 kB", "4.82 MB"]
    assert theme.shape_text((32, 26, 26)) == "26 × 26 × 32"
    assert theme.shape_text((9216,)) == "9,216"


@given(st.integers(0, 10**14))
def test_compact_stays_short_and_near(value: int):
    text = theme.compact(value)
    number, _, prefix = text.partition(" ")
    shown = float(number.replace(",", "")) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[prefix]
    assert shown == pytest.approx(value, rel=0.005)
    assert len(number) <= 5
