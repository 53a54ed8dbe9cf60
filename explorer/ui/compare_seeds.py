"""Does the choice matter, or is it chance? The compared runs beside their like of other seeds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import streamlit as st

from explorer.analysis.repeated import Difference, difference, spread
from explorer.networks import Known
from explorer.runs import service
from explorer.runs.records import RunRecord
from explorer.spec import RunSpec, TrainSpec
from explorer.ui import cache, html, shell
from explorer.ui.differences import NOTHING
from explorer.ui.live import REFRESH
from explorer.ui.text import duration

MORE = 2
"""Seeds that one click adds for each."""
ABOUT = (
    "A run's result depends on its seed: the weights it starts from and the order of its digits. Only runs with "
    "several seeds tell whether a choice makes a difference. Judge by the validation digits, and leave the test digits "
    "for the end: who chooses by them has learned from them."
)


@dataclass(frozen=True, eq=False)
class Family:
    """Runs that are the same but for the seed. ``first`` is the one that is compared."""

    first: Known
    runs: tuple[RunRecord, ...]

    @property
    def title(self) -> str:
        return self.first.label

    @property
    def active(self) -> list[RunRecord]:
        return [run for run in self.runs if run.active]

    def reached(self, key: str) -> list[float]:
        """A result of all that have ended."""
        return [float(run.result[key]) for run in self.runs if run.state == "finished" and run.result]


def show(chosen: Sequence[Known]) -> None:
    """The table, and the button that trains more of each; only where there are runs of the reader's own."""
    trained = [one for one in chosen if one.kind == "run" and not one.edited and not one.imported]
    if not trained:
        return
    st.markdown("**Does it matter, or is it chance?**", help=ABOUT)
    busy = any(family.active for family in families(trained))
    shell.fragment(key="compare-seeds", run_every=REFRESH if busy else None)(_show)(trained, busy)


def families(trained: Sequence[Known]) -> list[Family]:
    """The compared runs with their like, each kind once, in their order."""
    kinds: dict[RunSpec, Known] = {}
    for one in trained:
        kinds.setdefault(alike(one.spec), one)
    members: dict[RunSpec, list[str]] = {kind: [] for kind in kinds}
    for one in cache.known_networks():
        if one.kind == "run" and not one.edited and not one.imported and alike(one.spec) in members:
            members[alike(one.spec)].append(one.id)
    return [
        Family(first, tuple(cache.run_record(run) for run in members[kind] or [first.id]))
        for kind, first in kinds.items()
    ]


def alike(spec: RunSpec) -> RunSpec:
    """What runs have in common that differ in their seed alone, or in how they were computed."""
    plain = TrainSpec()
    kept = ("seed", "device", "precision", "memory_format")
    train = spec.train.model_copy(update={name: getattr(plain, name) for name in kept})
    return spec.model_copy(update={"name": "alike", "train": train})


def _show(trained: Sequence[Known], busy: bool) -> None:
    found = families(trained)
    if busy and not any(family.active for family in found):
        cache.known_networks.clear()
        cache.run_record.clear()
        st.rerun()
    _table(found)
    for sentence in _sentences(found):
        st.markdown(sentence)
    _buttons(found)


def _table(found: Sequence[Family]) -> None:
    rows = []
    for family in found:
        validation, test = family.reached("validation_accuracy"), family.reached("test_accuracy")
        beside = None if family is found[0] else _compared(family, found[0])
        under_way = f" and {len(family.active)} under way" if family.active else ""
        rows.append(
            (
                family.title,
                f"{len(validation)}{under_way}",
                _spread(validation),
                _spread(test),
                NOTHING if beside is None else f"{_points(beside.interval[0])} to {_points(beside.interval[1])}",
            )
        )
    st.html(
        html.table(
            ("Network", "Seeds", "Validation accuracy", "Test accuracy", f"Points more than {found[0].title} (95%)"),
            rows,
            caption="Mean and standard deviation over runs that differ in the seed alone",
            numeric=range(1, 5),
            row_heads=True,
        )
    )


def _compared(one: Family, other: Family) -> Difference | None:
    return difference(one.reached("validation_accuracy"), other.reached("validation_accuracy"))


def _sentences(found: Sequence[Family]) -> list[str]:
    first, *others = found
    sentences = []
    for one in others:
        compared = _compared(one, first)
        names = f"{html.bold(one.title)} and {html.bold(first.title)}"
        if compared is None:
            continue
        if not compared.told:
            sentences.append(f"Between {names} nothing can be told from chance yet.")
            continue
        better, worse = (one, first) if compared.value > 0 else (first, one)
        sentences.append(
            f"{html.bold(better.title)} is better than {html.bold(worse.title)} by {100 * abs(compared.value):.2f} "
            "points of the validation digits, more than their seeds explain."
        )
    return sentences


def _buttons(found: Sequence[Family]) -> None:
    count = MORE * len(found)
    active = [run for family in found for run in family.active]
    seconds = [run.progress.elapsed for family in found for run in family.runs if run.state == "finished"]
    each = f"Train {'it' if len(found) == 1 else 'each'} with {MORE} more seeds"
    how_long = f", about {duration(count * median(seconds))} in all" if seconds else ""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="compare-seed-buttons"):
        st.button(
            each,
            key="more-seeds",
            icon=":material/casino:",
            help=f"{count} runs, one after the other or side by side as there are cores{how_long}. Network, digits and "
            "recipe stay as they are.",
            on_click=partial(_train, found),
        )
        if active:
            st.button("Stop them", key="stop-seeds", icon=":material/stop:", on_click=partial(_stop, active))


def _train(found: Sequence[Family]) -> None:
    for family in found:
        for spec in next_seeds(family.first.spec, {run.spec.train.seed for run in family.runs}, MORE):
            service.start(spec)
    cache.known_networks.clear()
    st.rerun()


def next_seeds(spec: RunSpec, taken: set[int], count: int) -> list[RunSpec]:
    """The same run with the next seeds that are not taken, its name telling which."""
    name = re.sub(r", seed \d+$", "", spec.name)
    free = [seed for seed in range(len(taken) + count) if seed not in taken][:count]
    return [
        spec.model_copy(
            update={"name": f"{name[:60]}, seed {seed}", "train": spec.train.model_copy(update={"seed": seed})}
        )
        for seed in free
    ]


def _stop(active: Sequence[RunRecord]) -> None:
    for run in reversed(active):  # those that wait first, or each would begin when the one before is gone
        service.stop(run.id)
    cache.known_networks.clear()
    cache.run_record.clear()
    st.rerun()


def _spread(values: Sequence[float]) -> str:
    if not values:
        return NOTHING
    found = spread(values)
    return f"{found.mean:.2%}" + ("" if found.deviation is None else f" ± {100 * found.deviation:.2f}")


def _points(share: float) -> str:
    return f"{100 * share:+.2f}".replace("-", "−")
