"""Mistakes: what the network reads wrong, why, how robust it is, and which labels may be wrong themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer import networks
from explorer.analysis import Evaluation, confusion, mistakes, per_class, wilson
from explorer.data.cards import DataCard, find_card
from explorer.figures.matrix import matrix as matrix_figure
from explorer.figures.matrix import table as counts_table
from explorer.ui import cache, explained, html, label_errors, moments, robust, sidebar, state, voting
from explorer.ui.components import Click, chart, wall
from explorer.ui.text import short_probability

PAGE = 60
TABS = ALL, EXPLAINED, ROBUST, VOTE, LABELS = (
    "All mistakes",
    "This image explained",
    "How robust is it",
    "A vote of several",
    "Likely label errors",
)


def show() -> None:
    network = sidebar.current_network()
    if not network.usable:
        st.info(
            f"{html.bold(network.title)} has no weights yet. Its mistakes appear with the first checkpoint.",
            icon=":material/hourglass_empty:",
        )
        return
    card = find_card(network.spec.data.dataset)
    moments.show(network)
    found = cache.evaluation(network.id, network.version, card.name)
    _headline(found)
    known = networks.learned_from(network.id, cache.dataset(card.name))
    if known:
        st.warning(known, icon=":material/warning:")
    parts: dict[str, Callable[[], None]] = {
        ALL: lambda: _all(found, card),
        EXPLAINED: lambda: explained.show(network, card, found, mistakes(found, cell=_cell())),
        ROBUST: lambda: robust.show(network, card),
        VOTE: lambda: voting.show(network, card, explain),
        LABELS: lambda: label_errors.show(card, explain),
    }
    for tab, part in zip(st.tabs(TABS, key="mistakes-tab", on_change="rerun"), parts.values(), strict=True):
        if tab.open:
            with tab:
                part()


def explain(number: int) -> None:
    """For callbacks: makes a test image the current one, and opens what explains it."""
    state.select_digit(number)
    st.session_state["mistakes-tab"] = EXPLAINED


def _headline(found: Evaluation) -> None:
    total = len(found.labels)
    low, high = wilson(found.correct, total)
    st.markdown(
        f"**{found.accuracy:.2%}** of the test images are read right (95% interval {low:.2%} to {high:.2%}): "
        f"**{total - found.correct:,}** of {total:,} wrong.",
        help="If many test sets of this size were drawn, 95 in 100 such intervals would hold the network's true "
        "accuracy (Wilson's score interval).",
    )


def _all(found: Evaluation, card: DataCard) -> None:
    matrix = confusion(found.labels, found.predictions, len(card.classes))
    left, right = st.columns([1, 1.15], gap="large")
    with left:
        _matrix(matrix, card)
        _counts(matrix, card)
    with right:
        _gallery(found, matrix, card)
    _classes(matrix, card)


def _cell() -> tuple[int, int] | None:
    return st.session_state.get("cell")


def _matrix(matrix: np.ndarray, card: DataCard) -> None:
    st.header(
        "Confusion matrix",
        anchor=False,
        help="Rows: what the image shows. Columns: what the network takes it for. Click a cell to see its images, or "
        "choose it in the list beside.",
    )

    def take(click: Click) -> None:
        st.session_state["cell"] = (int(click["y"]), int(click["x"]))

    figure = matrix_figure(matrix, card.classes, chosen=_cell())
    worst = int((matrix - np.diag(np.diag(matrix))).argmax())
    row, column = divmod(worst, len(card.classes))
    chart(
        figure,
        key="confusion",
        height=470,
        grows=True,
        on_click=take,
        alt=f"Confusion matrix. Most frequent confusion: {card.classes[row]} read as {card.classes[column]}, "
        f"{matrix[row, column]} times.",
    )


def _counts(matrix: np.ndarray, card: DataCard) -> None:
    with st.expander("As a table", key="confusion-table"):
        rows = [tuple(map(str, line.values())) for line in counts_table(matrix, card.classes)]
        head = ("is ↓ read as →", *card.classes)
        numbers = range(1, len(head))
        st.html(html.table(head, rows, caption="Images of each class, by what they are read as", numeric=numbers))


def _cell_picker(matrix: np.ndarray, card: DataCard) -> None:
    """The matrix's cells as a list, for those who don't point: the mistakes, the most frequent first, then what is
    read right."""
    errors = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-errors, axis=None, kind="stable")[: np.count_nonzero(errors)]
    # None as an option would be shown as nothing chosen.
    every: tuple[int, ...] = ()
    cells = [every, *(divmod(int(cell), len(matrix)) for cell in order)]
    cells += [(number, number) for number in range(len(matrix))]
    chosen = _cell() or every
    if chosen not in cells:
        cells.insert(1, chosen)

    def words(cell: tuple[int, ...]) -> str:
        if cell == every:
            return "the one mistake" if errors.sum() == 1 else f"all {errors.sum():,} mistakes"
        return f"{card.classes[cell[0]]} read as {card.classes[cell[1]]}: {matrix[cell]:,}"

    def take() -> None:
        st.session_state["cell"] = st.session_state["cell-picker"] or None

    st.session_state["cell-picker"] = chosen
    st.selectbox("Images shown", cells, key="cell-picker", format_func=words, on_change=take)


def _gallery(found: Evaluation, matrix: np.ndarray, card: DataCard) -> None:
    cell = _cell()
    numbers = mistakes(found, cell=cell)
    if cell is None and not len(numbers):
        other = " Another network, the softmax regression say, makes some." if card.name == "mnist" else ""
        st.markdown(f"**No mistakes** on these images.{other}")
        return
    _cell_picker(matrix, card)
    st.caption("The most confident first. Click one: it is explained.")
    if not len(numbers):
        st.caption("None.")
        return
    pages = -(-len(numbers) // PAGE)
    page = st.pagination(pages, key=f"mistakes-page-{cell}") if pages > 1 else 1
    shown = numbers[(page - 1) * PAGE : page * PAGE]
    current = np.flatnonzero(shown == state.digit_index())
    wall(
        np.asarray(cache.dataset(card.name).test.pixels[shown])[:, 0],
        key="mistakes-wall",
        scale="brightness",
        captions=[_caption(found, number, card) for number in shown],
        details=[f"Test image {number}. Click for what explains it." for number in shown],
        marks=["right" if found.labels[number] == found.predictions[number] else "wrong" for number in shown],
        tile=72,
        selected=int(current[0]) if len(current) else None,
        label="Misread images",
        on_click=lambda position: explain(int(shown[position])),
    )


def _caption(found: Evaluation, number: int, card: DataCard) -> str:
    true, predicted = card.classes[found.labels[number]], card.classes[found.predictions[number]]
    return f"{true} → {predicted}, {short_probability(float(found.confidences[number]))}"


def _classes(matrix: np.ndarray, card: DataCard) -> None:
    scores = per_class(matrix)
    shares = (scores.precision, scores.recall, scores.f1)
    rows = [
        (name, *("–" if np.isnan(share[k]) else f"{share[k]:.2%}" for share in shares), f"{scores.support[k]:,}")
        for k, name in enumerate(card.classes)
    ]
    st.header("Class by class", anchor=False)
    st.html(
        html.table(
            ("Class", "Precision", "Recall", "F1", "Images"),
            rows,
            caption="Precision: of those read as this class, how many are. Recall: of this class, how many were found.",
            numeric=(1, 2, 3, 4),
        )
    )
