"""Colours, scales, Plotly template and number texts: the one place where the app's look is decided.

A figure is drawn with the light palette (:data:`LIGHT`) and is complete as it stands. The chart component shows it
in either theme: it replaces every light colour by its counterpart from the dark palette (:func:`translation`), and
background, text and grid by what Streamlit uses at that place. So figures never ask for the theme, but they must take
their colours from here; transparency by :func:`faint`.

Nothing here relies on Plotly's default template, which importing Streamlit changes: see :func:`template`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Literal

import plotly.graph_objects as go

Scale = Literal["brightness", "signed", "sequential"]

FONT = '"Source Sans", "Source Sans 3", "Segoe UI", system-ui, sans-serif'
"""Streamlit's own font, which it serves itself, and what comes closest where a figure stands alone."""


@dataclass(frozen=True)
class Palette:
    """One theme's colours, all ``#rrggbb``.

    Text colours (text, muted, accent, right, wrong) have a contrast of at least 4.5:1 with background and surface,
    graphical ones (classes, kinds, train, validation) at least 3:1 with both (WCAG 2.2, 1.4.3 and 1.4.11).
    ``signed`` and ``sequential`` are equally spaced stops from the lowest to the highest value.
    """

    background: str
    surface: str
    text: str
    muted: str
    border: str
    grid: str
    accent: str
    right: str
    wrong: str
    train: str
    validation: str
    classes: tuple[str, ...]
    signed: tuple[str, ...]
    sequential: tuple[str, ...]
    kinds: Mapping[str, str] = field(hash=False)


def _kinds(
    conv: str, norm: str, activation: str, pool: str, dropout: str, bridge: str, dense: str, output: str
) -> Mapping[str, str]:
    """A colour for each layer kind of the spec, by its ``kind``."""
    return MappingProxyType(
        {
            "conv": conv,
            "batch_norm": norm,
            "affine": norm,
            "activation": activation,
            "pool": pool,
            "dropout": dropout,
            "flatten": bridge,
            "global_average_pool": bridge,
            "dense": dense,
            "output": output,
        }
    )


# The classes were found by a random search in OKLCH for the largest smallest CIEDE2000 difference, seen with normal,
# protan, deutan and tritan vision, at nearly equal hues in both palettes. The signed stops go out from the background
# with equal OKLab lightness on both sides, so that −x and +x weigh the same.
LIGHT = Palette(
    background="#ffffff",
    surface="#f6f7f9",
    text="#1b1f27",
    muted="#5a6472",
    border="#d9dde4",
    grid="#e9ebef",
    accent="#4338ca",
    right="#0b7a75",
    wrong="#c63a1e",
    train="#77818f",
    validation="#4338ca",
    classes=(
        *("#6c86f0", "#dd6a08", "#009d69", "#882f4c", "#8054ac"),
        *("#543700", "#09716c", "#b67793", "#063d73", "#5e6d32"),
    ),
    signed=(
        *("#1062d3", "#3b84e3", "#65a5f1", "#91c5fc", "#c7e3ff", "#ffffff"),
        *("#f9d8bf", "#eab38c", "#d88e5b", "#c46926", "#a54c01"),
    ),
    sequential=("#f2f6fe", "#c5d4f8", "#9fb2e9", "#7c8fd7", "#5f6dc4", "#4549af", "#321f98"),
    kinds=_kinds("#4f5bd5", "#758195", "#a86a12", "#0f8085", "#8f7f8d", "#56657a", "#9b4599", "#1f2a44"),
)
DARK = Palette(
    background="#0e1117",
    surface="#171b23",
    text="#e8eaee",
    muted="#9ba5b3",
    border="#333a46",
    grid="#232831",
    accent="#9499fb",
    right="#2cc9b5",
    wrong="#ff7d61",
    train="#828d9c",
    validation="#9499fb",
    classes=(
        *("#99b5fa", "#f1bb71", "#cdf1c3", "#bc3f75", "#9e83ae"),
        *("#8f6e42", "#30d2c8", "#f58494", "#426dd6", "#8e9b1c"),
    ),
    signed=(
        *("#97bffe", "#6599df", "#4874a8", "#305174", "#1d3042", "#0e1117"),
        *("#3f2815", "#6d441e", "#9d6228", "#cf8334", "#ffa74c"),
    ),
    sequential=("#191b27", "#2e335b", "#454f8f", "#5d6ebf", "#7890ea", "#9eb7fe", "#d0deff"),
    kinds=_kinds("#8b95ff", "#95a2b6", "#e0a847", "#35b8b3", "#b5a6b7", "#8394ab", "#d08ad0", "#dfe5f2"),
)
BRIGHTNESS = ("rgb(0,0,0)", "rgb(255,255,255)")
"""MNIST's own black to white, the same in both themes, therefore not spelled like a palette's colour."""


def scale(name: Scale) -> list[list[float | str]]:
    """A Plotly colour scale in light colours: [[0.0, "#…"], …, [1.0, "#…"]], equally spaced.

    Give ``signed`` symmetric limits (``zmin=-m, zmax=m``): its middle is the page's background and means zero.
    """
    stops = BRIGHTNESS if name == "brightness" else LIGHT.signed if name == "signed" else LIGHT.sequential
    return [[index / (len(stops) - 1), colour] for index, colour in enumerate(stops)]


def faint(colour: str, opacity: float) -> str:
    """A palette colour ``#rrggbb`` with an opacity of 0 to 1, as ``#rrggbbaa``, which still follows the theme."""
    return f"{colour}{round(255 * opacity):02x}"


def translation() -> dict[str, str]:
    """Light colour → dark colour, for every colour of the palettes that differs between them."""
    pairs = {
        light: dark
        for item in fields(Palette)
        for light, dark in zip(_colours(LIGHT, item.name), _colours(DARK, item.name), strict=True)
    }
    return {light: dark for light, dark in pairs.items() if light != dark}


def css_variables() -> str:
    """CSS declarations ``--ks-NAME: light-dark(…)``: right, wrong, accent, class-0 …, conv, pool …

    They follow the ``color-scheme`` of the element that uses them, which Streamlit sets with its theme.
    """
    names = [item.name for item in fields(Palette) if item.type == "str"]
    pairs = [(name, getattr(LIGHT, name), getattr(DARK, name)) for name in names]
    pairs += [(f"class-{i}", *pair) for i, pair in enumerate(zip(LIGHT.classes, DARK.classes, strict=True))]
    pairs += [(kind.replace("_", "-"), colour, DARK.kinds[kind]) for kind, colour in LIGHT.kinds.items()]
    return "".join(f"--ks-{name}: light-dark({light}, {dark});" for name, light, dark in pairs)


def template() -> go.layout.Template:
    """The app's Plotly template, in light colours. The chart component applies it to every figure by itself."""
    axis = {
        "automargin": True,
        "gridcolor": LIGHT.grid,
        "linecolor": LIGHT.border,
        "zerolinecolor": LIGHT.border,
        "zerolinewidth": 1,
        "tickfont": {"color": LIGHT.muted},
        "title": {"font": {"color": LIGHT.muted, "size": 13}, "standoff": 8},
    }
    bar = {"thickness": 10, "outlinewidth": 0, "tickfont": {"color": LIGHT.muted}, "ticks": ""}
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": LIGHT.text},
            "title": {"font": {"size": 15}, "x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 4}},
            "paper_bgcolor": LIGHT.background,
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(LIGHT.classes),
            "colorscale": {
                "sequential": scale("sequential"),
                "sequentialminus": scale("sequential")[::-1],
                "diverging": scale("signed"),
            },
            "coloraxis": {"colorbar": bar},
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 8, "r": 8, "t": 32, "b": 8},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
            "hoverlabel": {
                "bgcolor": LIGHT.surface,
                "bordercolor": LIGHT.border,
                "font": {"family": FONT, "size": 13, "color": LIGHT.text},
                "align": "left",
            },
            "hovermode": "closest",
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": LIGHT.muted, "activecolor": LIGHT.accent},
            "separators": ".,",
        },
        data={"heatmap": [{"colorbar": bar, "colorscale": scale("sequential")}]},
    )


# --- numbers --------------------------------------------------------------------------------------------------------


def significant(value: float, digits: int = 3) -> str:
    """A number with so many significant digits: '0.0342', '−1.50', '12,300', '3.20 × 10⁻⁷'; whole numbers stay whole.

    Where the digits end before the decimal point, zeros fill up. Below 0.0001 and from 10¹² on, powers of ten.
    """
    if value != value:  # NaN alone is unequal to itself
        return "not a number"
    sign = "−" if value < 0 else ""
    size = abs(value)
    if size == float("inf"):
        return f"{sign}∞"
    if size == 0:
        return "0"
    if isinstance(value, int) and size < 10**digits:
        return f"{sign}{size}"
    mantissa, power = f"{size:.{digits - 1}e}".split("e")  # rounds first, so that 9.999 counts as 10.0
    exponent = int(power)
    if not -4 <= exponent < 12:
        return f"{sign}{mantissa} × 10{str(exponent).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return f"{sign}{float(f'{mantissa}e{exponent}'):,.{max(0, digits - 1 - exponent)}f}"


def count(value: int) -> str:
    """A whole number with its thousands separated: '12,345'."""
    return f"{value:,}".replace("-", "−")


def probability(share: float) -> str:
    """A softmax's share: '97.3%', and never 100% or 0%, which no softmax is exactly."""
    if share >= 0.9995:
        return "> 99.9%"
    return "< 0.1%" if share < 0.0005 else f"{share:.1%}"


def compact(value: float) -> str:
    """A count at three significant digits with k, M, G or T: 1_234_567 → '1.23 M'; below 1,000 as it is."""
    return _prefixed(value, "")


def bytes_text(value: float) -> str:
    """A size at three significant digits: '512 B', '4.82 MB' (of 1,000 kB each)."""
    return _prefixed(value, "B")


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape (C, H, W) as one reads it, '26 × 26 × 32' (height, width, maps), or (units,) as '128'."""
    return " × ".join(f"{size:,}" for size in (*shape[1:], shape[0]))


def _prefixed(value: float, unit: str) -> str:
    size = abs(value)
    if float(f"{size:.2e}") < 1_000:
        return f"{significant(int(value) if float(value).is_integer() else value)} {unit}".rstrip()
    for prefix in ("k", "M", "G", "T"):
        value /= 1_000
        if prefix == "T" or float(f"{abs(value):.2e}") < 1_000:
            break
    return f"{significant(float(value))} {prefix}{unit}"


def _colours(palette: Palette, name: str) -> tuple[str, ...]:
    value = getattr(palette, name)
    return (value,) if isinstance(value, str) else tuple(value.values() if isinstance(value, Mapping) else value)
