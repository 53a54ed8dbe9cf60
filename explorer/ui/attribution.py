"""What it rests on: attribution maps of one image by every method that the network has, beside random weights."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st
from PIL import Image, ImageColor

from explorer.analysis import attribution
from explorer.analysis.attribution import Attribution
from explorer.analysis.attribution_methods import METHODS, Method
from explorer.data.cards import DataCard
from explorer.figures import theme
from explorer.networks import Known
from explorer.shapes import LayerShape
from explorer.spec import Conv
from explorer.ui import cache, html, shell
from explorer.ui.components import wall
from explorer.ui.text import number

SIDE = 112
WIDTH = 2 * SIDE + 12
LOOKS = {"overlay": "over the image", "bare": "bare"}
NAMES = ("this network", "random weights")


@shell.fragment()
def show(network: Known, card: DataCard, layers: tuple[LayerShape, ...], pixels: np.ndarray, label: int | None) -> None:
    """The tab, for the digit ``pixels``, uint8 (C, H, W), of class ``label`` (None: the user's own)."""
    model = cache.network(network.id, network.version)
    with st.container(horizontal=True, gap="medium", key="rests-options"):
        target = _class(network, card, pixels, label)
        look = st.segmented_control(
            "Maps",
            list(LOOKS),
            default="overlay",
            required=True,
            format_func=LOOKS.__getitem__,
            key="rests-look",
            persist_state="session",
            help="Bare maps have their own resolution and their numbers on hover; over the image they are stretched.",
        )
    st.caption(
        f"Orange speaks for class {html.escape_markdown(card.classes[target])}, blue against it; each map has a scale "
        "of its own. On the right the same method on the same architecture with random weights: where both maps look "
        "alike, the map shows the image or the architecture, not what was learned (Adebayo et al. 2018)."
    )
    cache.load_captum()
    convolutions = [layer.name for layer in layers if isinstance(layer.layer, Conv)]
    with st.container(horizontal=True, gap="medium", key="rests-tiles"):
        for name in attribution.available(model):
            with st.container(width=WIDTH, gap="xsmall", key=f"rests-{name}"):
                _tile(METHODS[name], network, card, pixels, target, look or "overlay", convolutions)


def _class(network: Known, card: DataCard, pixels: np.ndarray, label: int | None) -> int:
    outputs = cache.activations(network.id, network.version, card.name, pixels.tobytes())
    shares = outputs["probabilities"]
    predicted = int(shares.argmax())

    def title(choice: int) -> str:
        notes = [note for note, holds in (("read", choice == predicted), ("true", choice == label)) if holds]
        return card.classes[choice] + (f" ({', '.join(notes)})" if notes else "")

    # Another digit or network asks about its own answer again.
    token = f"{network.id}-{network.version}-{hash(pixels.tobytes())}"
    chosen = st.pills(
        "What speaks for class",
        list(range(len(card.classes))),
        default=predicted,
        required=True,
        format_func=title,
        key=f"rests-class-{token}",
    )
    return int(chosen if chosen is not None else predicted)


def _tile(
    method: Method,
    network: Known,
    card: DataCard,
    pixels: np.ndarray,
    target: int,
    look: str,
    convolutions: list[str],
) -> None:
    st.header(f"{method.title}", anchor=False, help=method.source)
    layer = None
    if method.name == "grad-cam":
        last = len(convolutions) - 1
        layer = st.selectbox("Layer", convolutions, index=last, key=f"rests-layer-{network.id}-{network.version}")
    found, other = (
        cache.attribution(network.id, network.version, card.name, pixels.tobytes(), target, method.name, layer, random)
        for random in (False, True)
    )
    if look == "bare":
        _bare(method, found, other)
    else:
        _overlay(method, card.classes[target], found, other, pixels)
    st.caption(f"{method.reading}  \n*Misleading:* {method.caution[0].lower()}{method.caution[1:]}")
    st.caption("  \n".join(_figures(method, found, other)))


def _bare(method: Method, found: Attribution, other: Attribution) -> None:
    maps = np.stack([found.values, other.values])
    ends = np.array([[-_limit(one), _limit(one)] for one in maps])
    wall(
        maps,
        key=f"rests-wall-{method.name}",
        scale="signed",
        limits=ends,
        captions=NAMES,
        details=[f"{method.title}, {name}" for name in NAMES],
        tile=SIDE - 12,
        columns=2,
        label=method.title,
        bar=False,
    )


def _overlay(method: Method, title: str, found: Attribution, other: Attribution, pixels: np.ndarray) -> None:
    pictures = [
        f'<figure style="margin:0">{html.picture(overlay(pixels, one.values), size=SIDE, alt=alt)}'
        f'<figcaption style="font-size:0.75rem;opacity:0.7">{escape(name)}</figcaption></figure>'
        for one, name in zip((found, other), NAMES, strict=True)
        for alt in (f"{method.title} for class {title}, {name}, over the image",)
    ]
    st.html(f'<div style="display:flex;gap:0.5rem">{"".join(pictures)}</div>')


def overlay(pixels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A map (h, w), stretched over the image uint8 (C, H, W): RGB, uint8 (3, H, W). The image is dimmed; the larger a
    value, the more of orange (above 0) or blue (below) covers it, the largest wholly. The same in both themes, for
    digits are white on black in both."""
    height, width = pixels.shape[1:]
    shares = Image.fromarray((values / _limit(values)).astype(np.float32))
    if values.shape != (height, width):
        shares = shares.resize((width, height), Image.Resampling.BILINEAR)
    share = np.clip(np.asarray(shares), -1.0, 1.0)[None]
    against, speaking = (np.array(ImageColor.getrgb(theme.DARK.signed[end]))[:, None, None] for end in (0, -1))
    dimmed = 0.45 * np.broadcast_to(pixels.mean(axis=0), (3, height, width))
    mixed = dimmed * (1 - np.abs(share)) + np.where(share < 0, against, speaking) * np.abs(share)
    covered: np.ndarray = mixed.round().astype(np.uint8)
    return covered


def _figures(method: Method, found: Attribution, other: Attribution) -> list[str]:
    """Completeness, and how alike the two maps are."""
    lines = []
    if found.completeness is not None:
        whole = "the logit less its bias" if method.name == "cam" else "the logit's difference from black"
        total, expected = found.completeness.total, found.completeness.expected
        lines.append(f"Completeness: sum {number(total)}, {whole} {number(expected)}")
    alike = attribution.rank_correlation(found.values, other.values)
    if alike is None:
        empty = [name for name, one in zip(NAMES, (found, other), strict=True) if not one.values.any()]
        lines.append(f"Nothing in the map of {' and '.join(empty)}" if empty else "One map is the same everywhere")
        return lines
    text = f"Rank correlation of both maps: {_two(alike)}"
    visible = attribution.rank_correlation(found.values, other.values, without_zeros=True)
    if visible is not None and _two(visible) != _two(alike):
        text += f", {_two(visible)} without the pixels where both are 0"
    return [*lines, text]


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _limit(values: np.ndarray) -> float:
    return float(np.abs(values).max()) or 1.0
