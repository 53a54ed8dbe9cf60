"""Why this answer: from a class's logit down to a pixel, one contribution at a time."""

from __future__ import annotations

import hashlib
from typing import cast

import numpy as np
import streamlit as st

from explorer.analysis import paths
from explorer.analysis.paths import Path, Step, Walk
from explorer.analysis.terms import INPUT, Outputs, Position
from explorer.data.cards import DataCard
from explorer.figures.theme import count
from explorer.models import Network
from explorer.networks import Known
from explorer.shapes import LayerShape
from explorer.spec import Conv
from explorer.ui import cache, shell, why_steps
from explorer.ui.text import factor, number, probability
from explorer.ui.why_steps import place_of, product

TOP = 5
_KEY = "why-path"


@shell.fragment()
def show(
    network: Known,
    card: DataCard,
    layers: tuple[LayerShape, ...],
    outputs: Outputs,
    pixels: np.ndarray,
    label: int | None,
) -> None:
    """The tab: ``outputs`` are the layers' outputs for the digit ``pixels``, uint8 (C, H, W), of class ``label``."""
    model = cache.network(network.id, network.version)
    seen = paths.with_input(model, outputs, pixels, card)
    token = _token(network, pixels)
    chosen = _class(card, seen, label, token)
    path = _path(token, (layers[-1].name, (chosen,)))
    walk = paths.walk(model, seen, path)
    shapes = {layer.name: layer for layer in layers}
    st.markdown(
        f"The logit of class **{card.classes[chosen]}** is **{number(walk.steps[0].part)}**: a sum of products. "
        "Take a term to see what made it, and go down like this to a pixel. Parts keep their sum at every step: biases "
        "and shifts keep theirs, an activation hands its whole part on, counted as slope × input."
    )
    _ways(model, seen, token, path, walk)
    for place, step in enumerate(walk.steps):
        following = path[place + 1] if place + 1 < len(path) else None
        layer = shapes[step.terms.layer]
        passing = step.terms.single and not isinstance(layer.layer, Conv)
        with st.container(border=not passing, gap="xsmall" if passing else "small", key=f"why-step-{place}"):
            why_steps.heading(step, walk, card)
            if passing:
                why_steps.passing(step.terms, layer, seen, card)
            else:
                why_steps.summing(step, layer, following, walk, card, pixels, seen)
                _terms(step, following, card, model, seen, token, path[: place + 1])
    if walk.end[0] == INPUT:
        why_steps.ending(walk, pixels, card)


# --- state ---


def _token(network: Known, pixels: np.ndarray) -> str:
    """What a path belongs to: with another network or digit it is forgotten."""
    digit = hashlib.blake2b(pixels.tobytes(), digest_size=4).hexdigest()
    return f"{network.id}-{network.version}-{digit}"


def _path(token: str, logit: Position) -> Path:
    kept = cast("tuple[str, Path] | None", st.session_state.get(_KEY))
    return kept[1] if kept is not None and kept[0] == token and kept[1][0] == logit else (logit,)


def _go(token: str, path: Path) -> None:
    st.session_state[_KEY] = (token, path)


# --- above the steps ---


def _class(card: DataCard, seen: Outputs, label: int | None, token: str) -> int:
    logits, shares = seen["output"], seen["probabilities"]

    def title(choice: int) -> str:
        true = " (true)" if choice == label else ""
        share = probability(float(shares[choice]))
        return f"**{card.classes[choice]}**{true}: {number(float(logits[choice]), 3)} · {share}"

    chosen = st.pills(
        "Class, its logit and its probability",
        list(range(len(card.classes))),
        default=int(shares.argmax()),
        required=True,
        format_func=title,
        key=f"why-class-{token}",
        help="The softmax turns the logits into probabilities: each e to the power of its logit, divided by their sum.",
    )
    return int(chosen if chosen is not None else shares.argmax())


def _ways(model: Network, seen: Outputs, token: str, path: Path, walk: Walk) -> None:
    choices = [place for place, step in enumerate(walk.steps[: len(path) - 1]) if not step.terms.single]
    back = path[: choices[-1] + 1] if choices else path[:1]
    ended = walk.end[0] == INPUT
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Follow the strongest",
            key="why-follow",
            icon=":material/south:",
            type="primary",
            disabled=ended,
            on_click=_go,
            args=(token, path if ended else paths.follow(model, seen, path)),
        )
        first = len(path) == 1
        st.button("Back one step", key="why-back", disabled=first, on_click=_go, args=(token, back))
        st.button("Start again", key="why-start", disabled=first, on_click=_go, args=(token, path[:1]))


# --- going on ---


def _terms(
    step: Step,
    following: Position | None,
    card: DataCard,
    model: Network,
    seen: Outputs,
    token: str,
    path: Path,
) -> None:
    """The strongest terms for and against, each a button that goes on there: open at the last step, else folded."""
    if following is not None:
        place = f"why-others-{step.terms.layer}"
        with (folder := st.expander("Take another term", key=place, on_change="rerun")):
            if not folder.open:
                return
            _lists(step, card, model, seen, token, path)
    else:
        _lists(step, card, model, seen, token, path)


def _lists(step: Step, card: DataCard, model: Network, seen: Outputs, token: str, path: Path) -> None:
    found = step.terms
    toward = step.parts if step.gain else found.products
    if not step.gain:
        st.caption("The path has come through a value of 0: nothing below has a part in this logit.")
    order = np.argsort(-toward, kind="stable")
    sides = (
        ("For", [int(term) for term in order[:TOP] if toward[term] > 0]),
        ("Against", [int(term) for term in order[::-1][:TOP] if toward[term] < 0]),
    )
    for column, (name, chosen) in zip(st.columns(2, gap="medium"), sides, strict=True):
        with column, st.container(gap="xsmall"):
            st.markdown(f"**{name}**" + ("" if chosen else ": nothing"))
            for term in chosen:
                position = cast(Position, found.position(term))
                part = "" if step.gain == 1 else f" · part {number(float(toward[term]))}"
                st.button(
                    f"{place_of(*position, card)}: {product(found, term)}{part}",
                    key=f"why-{found.layer}-{name}-{term}",
                    on_click=_go,
                    args=(token, paths.glide(model, seen, (*path, position))),
                    width="stretch",
                )
    shown = [term for _, side in sides for term in side]
    rest = float(np.delete(found.products, shown).sum())
    others = len(found.products) - len(shown)
    sums = [f"the {len(shown)} shown {number(float(found.products[shown].sum()))}"]
    sums += [f"{count(others)} others {factor(rest)}"] if others else []
    sums += [f"{constant.name} {factor(constant.value)}" for constant in found.constants]
    st.caption(f"{' + '.join(sums)} = {number(found.value)}")
