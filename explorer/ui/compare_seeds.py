"""Does the choice matter, or is it chance? The compared runs beside their like of other seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

import streamlit as st

from explorer.analysis.repeated import Difference, difference, spread
from explorer.errors import StoreError
from explorer.networks import Known
from explorer.runs import service
from explorer.runs.records import RunRecord
from explorer.spec import RunSpec
from explorer.ui import cache, html, shell
from explorer.ui.compared import alike, images_of_run
from explorer.ui.differences import NOTHING
from explorer.ui.live import REFRESH
from explorer.ui.text import duration, points

MORE = 2
"""Seeds that one click adds for each."""
ABOUT = (
    "A run's result depends on its seed: the weights it starts from and the order of its images. Only runs with "
    "several seeds tell whether a choice makes a difference. Judge by the validation images, and leave the test images "
    "for the end: who chooses by them has learned from them."
)


@dataclass(frozen=True, eq=False)
class Family:
    """Runs that differ in nothing but the seed and learned from the same images. ``first`` is the one that is
    compared, ``images`` their fingerprint."""

    first: Known
    images: str
    runs: tuple[RunRecord, ...]

    @property
    def title(self) -> str:
        return self.first.label

    @property
    def active(self) -> list[RunRecord]:
        return [run for run in self.runs if run.active]

    @property
    def results(self) -> list[Mapping[str, Any]]:
        """Of all that have ended, one a seed: the same seed gives the same again, and would count twice."""
        ended = {run.spec.train.seed: run.result for run in self.runs if run.state == "finished" and run.result}
        return list(ended.values())

    def reached(self, key: str) -> list[float]:
        return [float(result[key]) for result in self.results]


def show(trained: Sequence[Known]) -> None:
    """The table, and the button that trains more of each; only where there are runs of the reader's own."""
    if not trained:
        return
    st.header("Does it matter, or is it chance?", anchor=False, help=ABOUT)
    busy = any(family.active for family in families(trained))
    shell.fragment(key="compare-seeds", run_every=REFRESH if busy else None)(_show)(trained, busy)


def families(trained: Sequence[Known]) -> list[Family]:
    """The compared runs with their like, each kind once, in their order."""
    everyone = [one for one in cache.known_networks() if one.trained_here]
    like = {one.id: [other for other in everyone if alike(other, one)] for one in trained}
    asked = dict.fromkeys([*like, *(other.id for others in like.values() for other in others)])
    runs = cache.run_records(tuple(asked))

    def images_of(one: Known) -> str:
        """The fingerprint of the images that it learned from; of one that has not ended, of those that are here."""
        return images_of_run(runs[one.id]) or cache.dataset(one.spec.data.dataset).fingerprint

    found: list[Family] = []
    for one in trained:
        if any(one.id == run.id for family in found for run in family.runs):
            continue
        images = images_of(one)
        same = tuple(runs[other.id] for other in like[one.id] if images_of(other) == images)
        found.append(Family(one, images, same))
    return found


def _show(trained: Sequence[Known], busy: bool) -> None:
    found = families(trained)
    if busy and not any(family.active for family in found):
        _look_again()
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
        interval = NOTHING if beside is None else f"{points(beside.interval[0])} to {points(beside.interval[1])}"
        row = (family.title, f"{len(validation)}{under_way}", _spread(validation), _spread(test), interval)
        rows.append(row if len(found) > 1 else row[:-1])
    head = ("Network", "Seeds", "Validation accuracy", "Test accuracy", "Points more, 95% interval")
    beside_whom = f"; points of the validation images more than {found[0].title}" if len(found) > 1 else ""
    st.html(
        html.table(
            head[: len(rows[0])],
            rows,
            caption=f"Mean and standard deviation over runs that differ in the seed alone{beside_whom}",
            numeric=range(1, len(rows[0])),
            row_heads=True,
        )
    )


def _compared(one: Family, other: Family) -> Difference | None:
    """The difference on the validation images; None where those are not the same, or too little is known."""
    if not _same_digits(one, other):
        return None
    return difference(one.reached("validation_accuracy"), other.reached("validation_accuracy"))


def _same_digits(one: Family, other: Family) -> bool:
    return one.first.spec.data == other.first.spec.data and one.images == other.images


def _sentences(found: Sequence[Family]) -> list[str]:
    first, *others = found
    sentences = []
    for one in others:
        compared = _compared(one, first)
        names = f"{html.bold(one.title)} and {html.bold(first.title)}"
        if not _same_digits(one, first):
            sentences.append(f"{names} have other training or validation images: their means are not held together.")
        elif compared is not None and not compared.told:
            sentences.append(f"Between {names} nothing can be told from chance yet.")
        elif compared is not None:
            better, worse = (one, first) if compared.value > 0 else (first, one)
            sentences.append(
                f"{html.bold(better.title)} is better than {html.bold(worse.title)} by "
                f"{100 * abs(compared.value):.2f} points of the validation images, more than their seeds explain."
            )
    return sentences


def _buttons(found: Sequence[Family]) -> None:
    active = [run for family in found for run in family.active]
    seconds = [[run.progress.elapsed for run in family.runs if run.state == "finished"] for family in found]
    how_long = f", about {duration(sum(MORE * median(each) for each in seconds))} in all" if all(seconds) else ""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="compare-seed-buttons"):
        st.button(
            f"Train {'it' if len(found) == 1 else 'each'} with {MORE} more seeds",
            key="more-seeds",
            icon=":material/casino:",
            help=f"{MORE * len(found)} runs, one after the other or side by side as there are cores{how_long}. "
            "Network, images and recipe stay as they are.",
            on_click=_train,
            args=(found,),
        )
        if active:
            label = f"Stop {len(active)} run{'s' if len(active) > 1 else ''}"
            st.button(label, key="stop-seeds", icon=":material/stop:", on_click=_stop, args=(active,))


def _train(shown: Sequence[Family]) -> None:
    """Nothing for a family that has got more runs since the button was drawn: somebody else has pressed it, or
    Streamlit calls for one click again."""
    _look_again()
    try:
        for before, family in zip(shown, families([one.first for one in shown]), strict=True):
            taken = {run.spec.train.seed for run in family.runs}
            if taken == {run.spec.train.seed for run in before.runs}:
                for spec in next_seeds(family.first.spec, taken, MORE):
                    service.start(spec)
    except StoreError as error:
        st.toast(str(error), icon=":material/error:")
    _look_again()
    st.rerun()


def _stop(active: Sequence[RunRecord]) -> None:
    for run in reversed(active):  # those that wait first, or each would begin when the one before is gone
        with suppress(StoreError):  # it has just ended
            service.stop(run.id)
    _look_again()
    st.rerun()


def _look_again() -> None:
    cache.known_networks.clear()
    cache.run_record.clear()
    cache.run_records.clear()


def next_seeds(spec: RunSpec, taken: set[int], count: int) -> list[RunSpec]:
    """The same run with the next seeds that are not taken, its name telling which."""
    name = re.sub(r" · seed \d+$", "", spec.name)
    free = [seed for seed in range(len(taken) + count) if seed not in taken][:count]
    return [
        spec.model_copy(
            update={"name": f"{name[:60]} · seed {seed}", "train": spec.train.model_copy(update={"seed": seed})}
        )
        for seed in free
    ]


def _spread(values: Sequence[float]) -> str:
    if not values:
        return NOTHING
    found = spread(values)
    return f"{found.mean:.2%}" + ("" if found.deviation is None else f" ± {100 * found.deviation:.2f}")
