"""What networks reached, and in what they differ: tables with a column a network."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from explorer import zoo
from explorer.analysis import wilson
from explorer.data.cards import DataCard
from explorer.networks import Known
from explorer.shapes import totals, trace
from explorer.ui import cache, html, shell
from explorer.ui.compared import images_of
from explorer.ui.differences import NOTHING, SEED, Fact, facts, sets
from explorer.ui.live import STATE_TITLES
from explorer.ui.text import cell, duration

REFRESH = 2.0
"""Seconds between two looks at what a run that trains has reached."""


def show(chosen: Sequence[Known], card: DataCard) -> None:
    """Results first, then what differs; what does not is folded away. All of it can be had as a file."""
    busy = any(one.busy for one in chosen)
    shell.fragment(key="compare-results", run_every=REFRESH if busy else None)(_reached)(chosen, card)
    found = facts([one.spec for one in chosen], [not one.imported for one in chosen])
    if any(images := sets([images_of(one) for one in chosen])):
        found.append(Fact("Learned from", tuple(name or NOTHING for name in images)))
    differing = [fact for fact in found if fact.differs]
    rest = [fact for fact in found if not fact.differs and set(fact.values) != {NOTHING}]
    head = ["", *(one.label for one in chosen)]
    if differing:
        rows = [(fact.name, *fact.values) for fact in differing]
        st.html(html.table(head, rows, caption=_caption(differing, chosen), row_heads=True))
    elif _same(chosen):
        st.markdown("Network, images, recipe and seed are **the same**.")
    else:
        st.markdown("Nothing differs that there is a word for here.")
    if rest:
        with st.expander(f"The same in {'both' if len(chosen) == 2 else 'all'}", key="compare-alike"):
            values = [(fact.name, fact.values[0]) for fact in rest]
            st.html(html.table(("", "All"), values, caption="What does not differ", row_heads=True))
    st.download_button(
        "Download as CSV",
        lambda: as_csv(chosen, [*results(chosen, card), *found]),
        file_name="comparison.csv",
        mime="text/csv",
        key="compare-csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _reached(chosen: Sequence[Known], card: DataCard) -> None:
    now = {one.id: one for one in cache.known_networks()}
    if any((one.usable, one.busy) != (now[one.id].usable, now[one.id].busy) for one in chosen if one.id in now):
        st.rerun()  # its first weights are there, or its training has ended: the whole page says more
    rows = [(fact.name, *fact.values) for fact in results(chosen, card)]
    head = ("", *(one.label for one in chosen))
    st.html(html.table(head, rows, caption="What they reached", row_heads=True))


def _caption(differing: Sequence[Fact], chosen: Sequence[Known]) -> str:
    ended = all(one.trained_here and one.snapshot is None and images_of(one) for one in chosen)
    if [fact.name for fact in differing] == [SEED] and ended:
        return "Only the seed differs: what separates their results is chance"
    return "Only this differs" if len(differing) == 1 else f"What differs, {len(differing)} things"


def _same(chosen: Sequence[Known]) -> bool:
    first = chosen[0].spec
    return all(
        (one.spec.model, one.spec.data, one.spec.train) == (first.model, first.data, first.train) for one in chosen
    )


def results(chosen: Sequence[Known], card: DataCard) -> list[Fact]:
    """What each network has reached, and on what; lines that are empty for all are left out."""
    columns = [_result(one, card) for one in chosen]
    found = [Fact(name, tuple(column[name] for column in columns)) for name in columns[0]]
    return [fact for fact in found if set(fact.values) != {NOTHING}]


def _result(network: Known, card: DataCard) -> dict[str, str]:
    """What is known of a network's training and test, in words, by what it is."""
    correct = images = 0
    seconds, device, computed, validation = 0.0, "", "", None
    if network.kind == "zoo":
        about = zoo.card(network.id)
        correct, images, seconds, device = about.test.correct, about.test.images, about.seconds, about.device
        computed = about.spec.train.precision.replace("auto", "")
    else:
        run = cache.run_record(network.id)
        found: Mapping[str, Any] = run.result or {}
        correct, images = found.get("test_correct", 0), found.get("test_images", 0)
        seconds, device = run.progress.elapsed, run.progress.device or ""
        computed, validation = found.get("precision", ""), found.get("validation_accuracy")
    if network.snapshot is not None:
        images, validation, seconds = 0, None, 0.0
    low, high = wilson(correct, images) if images else (0.0, 0.0)
    sizes = totals(trace(network.spec.model, card.shape, len(card.classes)))
    words = {
        "State": _state(network),
        "Test accuracy": images and f"{correct / images:.2%}",
        "95% interval": images and f"{low:.2%} to {high:.2%}",
        "Wrong": images and f"{images - correct:,} of {images:,}",
        "Validation accuracy": validation is not None and f"{validation:.2%}",
        "Parameters": f"{sizes.parameters:,}",
        "Multiply-adds": f"{sizes.macs:,}",
        "Images": _images(network, card),
        "Training time": seconds and duration(seconds),
        "Computed in": computed,
        "On": device,
    }
    return {name: word or NOTHING for name, word in words.items()}


def _images(network: Known, card: DataCard) -> str:
    """How many images it has learned from, of the whole data set or of the subset."""
    if network.kind == "zoo":
        about = zoo.card(network.id).data
        count, complete = about.images, about.complete
    else:
        data = (cache.run_record(network.id).result or {}).get("data", {})
        count, complete = data.get("train_images", 0), data.get("complete", False)
    return f"{count:,} of {f'all {card.train_images:,}' if complete else 'the subset'}" if count else ""


def _state(network: Known) -> str:
    if network.snapshot is not None:
        return f"after step {network.snapshot:,} of its training"
    if network.edited:
        return "edited by hand"
    if network.kind == "zoo":
        return "bundled"
    return "imported" if network.imported else STATE_TITLES[cache.run_record(network.id).state].lower()


def as_csv(chosen: Sequence[Known], found: Sequence[Fact]) -> str:
    """One line a fact, one column a network."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["", *(cell(one.label) for one in chosen)])
    writer.writerows([fact.name, *map(cell, fact.values)] for fact in found)
    return buffer.getvalue()
