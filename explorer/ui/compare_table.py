"""What networks reached, and in what they differ: tables with a column a network."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import streamlit as st

from explorer import zoo
from explorer.analysis import wilson
from explorer.data.cards import DataCard
from explorer.networks import Known
from explorer.shapes import totals, trace
from explorer.ui import cache, html
from explorer.ui.differences import NOTHING, SEED, Fact, facts
from explorer.ui.live import STATE_TITLES
from explorer.ui.text import cell, duration


def show(chosen: Sequence[Known], card: DataCard) -> None:
    """Results first, then what differs; what does not is folded away. All of it can be had as a file."""
    results = _results(chosen, card)
    found = facts([one.spec for one in chosen])
    differing = [fact for fact in found if fact.differs]
    alike = [fact for fact in found if not fact.differs and set(fact.values) != {NOTHING}]
    head = ["", *(one.label for one in chosen)]
    st.html(
        html.table(head, [(fact.name, *fact.values) for fact in results], caption="What they reached", row_heads=True)
    )
    if differing:
        st.html(
            html.table(
                head, [(fact.name, *fact.values) for fact in differing], caption=_in_one_line(differing), row_heads=True
            )
        )
    else:
        st.markdown(
            "Network, digits, recipe and seed are **the same**: trained to the end on the same device, the weights "
            "are, too."
        )
    if alike:
        with st.expander(f"The same in {'both' if len(chosen) == 2 else 'all'}", key="compare-alike"):
            rows = [(fact.name, fact.values[0]) for fact in alike]
            st.html(html.table(("", "All"), rows, caption="What does not differ", row_heads=True))
    st.download_button(
        "Download as CSV",
        as_csv(chosen, [*results, *found]),
        file_name="comparison.csv",
        mime="text/csv",
        key="compare-csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _in_one_line(differing: Sequence[Fact]) -> str:
    if [fact.name for fact in differing] == [SEED]:
        return "Only the seed differs: what separates their results is chance"
    return "Only this differs" if len(differing) == 1 else f"What differs, {len(differing)} things"


def _results(chosen: Sequence[Known], card: DataCard) -> list[Fact]:
    columns = [_result(one, card) for one in chosen]
    names = list(dict.fromkeys(name for column in columns for name in column))
    found = [Fact(name, tuple(column.get(name, NOTHING) for column in columns)) for name in names]
    return [fact for fact in found if set(fact.values) != {NOTHING}]


def _result(network: Known, card: DataCard) -> dict[str, str]:
    """What is known of a network's training and test, in words, by what it is."""
    shown = {"State": NOTHING, "Test accuracy": NOTHING, "95% interval": NOTHING, "Wrong": NOTHING}
    if network.kind == "zoo":
        about = zoo.card(network.id)
        shown["State"] = "bundled"
        tested, seconds, device = (about.test.correct, about.test.images), about.seconds, about.device
        validation: float | None = None
    else:
        run = cache.run_record(network.id)
        result: Mapping[str, object] = run.result or {}
        shown["State"] = _state(network)
        tested = (int(str(result.get("test_correct", 0))), int(str(result.get("test_images", 0))))
        seconds, device = run.progress.elapsed, run.progress.device or ""
        found = result.get("validation_accuracy")
        validation = found if isinstance(found, float) else None
    if network.snapshot is not None:
        shown["State"], tested, validation = f"until step {network.snapshot:,}", (0, 0), None
    correct, images = tested
    if images:
        low, high = wilson(correct, images)
        shown["Test accuracy"] = f"{correct / images:.2%}"
        shown["95% interval"] = f"{low:.2%} to {high:.2%}"
        shown["Wrong"] = f"{images - correct:,} of {images:,}"
    shown["Validation accuracy"] = NOTHING if validation is None else f"{validation:.2%}"
    sizes = totals(trace(network.spec.model, card.shape, len(card.classes)))
    shown["Parameters"] = f"{sizes.parameters:,}"
    shown["Multiply-adds"] = f"{sizes.macs:,}"
    shown["Training time"] = duration(seconds) if seconds and network.snapshot is None else NOTHING
    shown["On"] = device or NOTHING
    return shown


def _state(network: Known) -> str:
    if network.edited:
        return "edited by hand"
    return "elsewhere, imported" if network.imported else STATE_TITLES[network.state].lower()


def as_csv(chosen: Sequence[Known], found: Sequence[Fact]) -> str:
    """One line a fact, one column a network."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["", *(cell(one.label) for one in chosen)])
    writer.writerows([fact.name, *map(cell, fact.values)] for fact in found)
    return buffer.getvalue()
