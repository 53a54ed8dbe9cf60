"""What a network reads on many digits, as a table with their pictures: one page of rows, each opens in Look inside, and
all of them as CSV."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from explorer.analysis import wilson
from explorer.data.cards import DataCard
from explorer.networks import Known
from explorer.ui import cache, shell, state, text, trusted

PAGE = 50


@dataclass(frozen=True, eq=False)
class Readings:
    """N digits and what a network makes of them.

    ``names``: where each comes from; ``pixels``: uint8 (N, C, H, W); ``probabilities``: (N, K); ``labels``: int (N,),
    -1 where it is not known; ``doubts``: why it does not look like a digit, '' where it does, or nothing can tell.
    """

    names: list[str]
    pixels: np.ndarray
    probabilities: np.ndarray
    labels: np.ndarray
    doubts: Sequence[str]

    @property
    def order(self) -> np.ndarray:
        """The two likeliest classes, int (N, 2)."""
        return np.argsort(-self.probabilities, axis=1, kind="stable")[:, :2]

    @property
    def score(self) -> tuple[int, int]:
        """How many of the digits with a label are read right, and how many there are."""
        known = self.labels >= 0
        return int((self.order[known, 0] == self.labels[known]).sum()), int(known.sum())


def doubts(network: Known, pixels: np.ndarray, boxes: Sequence[tuple[int, int, int, int]] | None = None) -> list[str]:
    """Why prepared pictures, uint8 (N, C, H, W), which were at ``boxes`` in theirs, do not look like digits: a sentence
    or two each, '' where they do, or nothing can tell (yet)."""
    verdict = cache.verdict(network, pixels, boxes) if network.usable and len(pixels) else None
    return [""] * len(pixels) if verdict is None else list(verdict.reasons)


def as_csv(readings: Readings, card: DataCard) -> bytes:
    """A row a digit: source, answer, probability, runner-up, its probability, label (empty where unknown), and why it
    does not look like a digit (empty where it does)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["source", "answer", "probability", "runner_up", "runner_up_probability", "label", "doubt"])
    order = readings.order
    for number, name in enumerate(readings.names):
        first, second = (int(place) for place in order[number])
        shares = readings.probabilities[number]
        label = int(readings.labels[number])
        truth = card.classes[label] if label >= 0 else ""
        answers = (card.classes[first], f"{shares[first]:.6f}", card.classes[second], f"{shares[second]:.6f}")
        writer.writerow([text.cell(name), *answers, truth, readings.doubts[number]])
    return out.getvalue().encode()


def table(readings: Readings, card: DataCard, *, key: str, file_name: str) -> None:
    """The table, and its buttons."""
    right, known = readings.score
    if known:
        low, high = wilson(right, known)
        st.markdown(f"**{right:,} of {known:,} right**, {right / known:.1%} (95%: {low:.1%} to {high:.1%})")
    pages = max(1, -(-len(readings.names) // PAGE))
    page = st.pagination(pages, key=f"{key}-page") if pages > 1 else 1
    shown = np.arange((page - 1) * PAGE, min(page * PAGE, len(readings.names)))
    event = st.dataframe(
        _frame(readings, card, shown),
        key=f"{key}-rows-{page}",
        hide_index=True,
        row_height=44,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Image": st.column_config.ImageColumn(width="small"),
        },
    )
    rows = [row for row in event.get("selection", {}).get("rows", []) if 0 <= row < len(shown)]
    with st.container(horizontal=True, gap="small"):
        if st.button(
            "Open in Look inside",
            key=f"{key}-open",
            icon=":material/search:",
            disabled=not rows,
            help="Choose a row by the box at its left.",
        ):
            state.select_own_digit(np.ascontiguousarray(readings.pixels[shown[rows[0]]]))
            st.switch_page(shell.path_of("inside"))
        st.download_button(
            "Download as CSV",
            lambda: as_csv(readings, card),
            file_name=file_name,
            mime="text/csv",
            key=f"{key}-csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _frame(readings: Readings, card: DataCard, shown: np.ndarray) -> Any:
    """The rows ``shown`` as pandas' styled table: how sure the network is reads as everywhere, and stays a number to
    sort by."""
    import pandas as pd  # which takes Streamlit's table half a second, too

    order = readings.order[shown]
    shares = readings.probabilities[shown]
    rows = np.arange(len(shown))
    columns: dict[str, list[Any]] = {
        "Image": [_url(readings.pixels[number]) for number in shown],
        "Read": [
            card.classes[int(place)] + ("?" if readings.doubts[number] else "")
            for number, place in zip(shown, order[:, 0], strict=True)
        ],
        "Sure": shares[rows, order[:, 0]].tolist(),
        "Else": [
            f"{card.classes[int(place)]} ({text.probability(share)})"
            for place, share in zip(order[:, 1], shares[rows, order[:, 1]], strict=True)
        ],
    }
    if any(readings.doubts):
        columns[f"Looks {trusted.unlike(card)}"] = [readings.doubts[number] for number in shown]
    labels = readings.labels[shown]
    if (readings.labels >= 0).any():
        columns["Label"] = [card.classes[int(label)] if label >= 0 else "" for label in labels]
        columns["Right"] = [
            "" if label < 0 else "✓" if label == place else "✗"
            for label, place in zip(labels, order[:, 0], strict=True)
        ]
    columns["From"] = [readings.names[number] for number in shown]
    return pd.DataFrame(columns).style.format({"Sure": text.probability})


def _url(pixels: np.ndarray) -> str:
    """uint8 (C, H, W) as a PNG in a data URL."""
    out = io.BytesIO()
    Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1)).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
