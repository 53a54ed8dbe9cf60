"""How well each layer of a network tells the classes apart: the curve of its probes."""

from __future__ import annotations

import streamlit as st

from explorer.data.cards import DataCard
from explorer.figures import points
from explorer.jobs.request import ask
from explorer.networks import Known
from explorer.ui import cache, html, jobs
from explorer.ui.components import chart


def show(network: Known, card: DataCard) -> None:
    """The curve over the layers, when it has been asked for, and its table."""
    st.header("How well each layer tells the classes apart", anchor=False)
    st.caption(
        "Two simple readers get each layer's answers and name the class: a linear probe (logistic regression, Alain & "
        "Bengio 2016) and the 5 nearest neighbours. Where the first is good, straight cuts separate the classes. Both "
        "read at most 256 principal components. They learn from images that the network learned from and are scored on "
        "its validation images; nothing is chosen by the score, and the test set is not used."
    )
    request = ask("separation-probes", network=network, data=cache.dataset(card.name))
    about = "It takes half a minute to some minutes, by the network's size, in a process of its own, and is kept."
    found = jobs.result(request, key="separation-probes", label="Read each layer", about=about)
    if found is None:
        return
    layers = [str(name) for name in found["layers"]]
    best = int(found["linear"].argmax())
    chart(
        points.depth(layers, found["linear"], found["neighbours"]),
        key="separation-depth",
        height=300,
        alt=f"Accuracy of both readers by layer. The linear probe: {found['linear'][0]:.1%} on the pixels, at most "
        f"{found['linear'][best]:.1%}, after {layers[best]}.",
    )
    st.caption(f"Learned from {int(found['learned']):,} images, scored on {int(found['scored']):,} validation images.")
    with st.expander("As a table", key="separation-depth-table"):
        columns = zip(*(found[name] for name in ("linear", "neighbours", "numbers", "kept", "variance")), strict=True)
        rows = [
            (name, f"{linear:.2%}", f"{near:.2%}", f"{numbers:,}", f"{kept:,}", f"{variance:.1%}")
            for name, (linear, near, numbers, kept, variance) in zip(layers, columns, strict=True)
        ]
        head = ("After layer", "Linear probe", "5 neighbours", "Numbers", "Components read", "Variance in them")
        st.html(html.table(head, rows, caption="Share of validation images named right", numeric=(1, 2, 3, 4, 5)))
