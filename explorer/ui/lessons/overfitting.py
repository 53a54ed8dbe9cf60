"""The overfitting lab: a small network learns 100 digits by heart; then four remedies, each a real run beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from explorer.errors import StoreError
from explorer.figures.theme import LIGHT, count, significant
from explorer.runs import service
from explorer.runs.follower import Curve
from explorer.runs.records import RunRecord
from explorer.ui import cache, html, shell
from explorer.ui.components import chart
from explorer.ui.lessons import figures
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.lab import EPOCHS, FEW, Trial, by_epoch, outcome, trials
from explorer.ui.lessons.scene import Scene


def widget(scene: Scene) -> None:
    planned = trials(len(scene.dataset().train))
    records = _records(planned)
    active = any(record is not None and record.active for record in records)
    shell.fragment(key="lesson-lab", run_every=1.0 if active else None)(_lab)(planned, active)


def _records(planned: Sequence[Trial]) -> tuple[RunRecord | None, ...]:
    return cache.runs_of(tuple(trial.spec.model_dump_json() for trial in planned))


def _lab(planned: tuple[Trial, ...], was_active: bool) -> None:
    records = _records(planned)
    if was_active and not any(record is not None and record.active for record in records):
        cache.known_networks.clear()
        st.rerun()
    missing = [trial for trial, record in zip(planned, records, strict=True) if record is None]
    st.button(
        "Start all" if len(missing) == len(planned) else "Start the others",
        key="lab-all",
        icon=":material/play_arrow:",
        disabled=not missing,
        on_click=_act,
        args=([(trial, None) for trial in missing],),
    )
    found: list[tuple[Trial, str, Mapping[str, Curve]]] = []
    with st.container(key="lab-runs", gap="xsmall"):
        for number, (trial, record) in enumerate(zip(planned, records, strict=True)):
            _row(number, trial, record)
            if record is not None:
                curves = cache.follower(record.id).curves()
                if curves:
                    found.append((trial, LIGHT.classes[number], curves))
    _curves(found)


def _row(number: int, trial: Trial, record: RunRecord | None) -> None:
    """One button, which starts, stops or resumes, and where the run is."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"lab-{number}"):
        state = "new" if record is None else record.state
        label, icon = {
            "new": ("Start", ":material/play_arrow:"),
            "queued": ("Stop", ":material/stop:"),
            "running": ("Stop", ":material/stop:"),
            "finished": ("Done", ":material/check:"),
        }.get(state, ("Resume", ":material/play_arrow:"))
        st.button(
            label,
            key=f"lab-act-{number}",
            icon=icon,
            disabled=state == "finished",
            width=112,
            on_click=_act,
            args=([(trial, record)],),
        )
        st.markdown(f"**{trial.name.capitalize()}**: {trial.about}. {_where(record)}", width="stretch")


def _act(pairs: Sequence[tuple[Trial, RunRecord | None]]) -> None:
    """Starts what was not started, stops what is under way, and resumes the rest."""
    try:
        for trial, record in pairs:
            if record is None:
                service.start(trial.spec)
            elif record.active:
                service.stop(record.id)
            else:
                service.resume(record.id)
    except StoreError as error:
        st.toast(str(error), icon=":material/error:")
    cache.runs_of.clear()
    cache.known_networks.clear()
    st.rerun()


def _where(record: RunRecord | None) -> str:
    if record is None:
        return ""
    match record.state:
        case "queued":
            return "*waiting for a free core*"
        case "running" if not record.progress.step:
            return "*starting*"
        case "running" | "paused" | "stopped":
            return f"*epoch {record.progress.epoch:.0f} of {EPOCHS}*"
        case "failed":
            return f"*{html.escape_markdown(record.error or '')}*"
        case _:
            return ""


def _curves(found: Sequence[tuple[Trial, str, Mapping[str, Curve]]]) -> None:
    if not found:
        st.caption(
            "Start the first run: its two curves appear here and part from each other. A run takes some ten seconds, "
            "goes on if you leave, and is found again when you come back."
        )
        return
    metric = st.segmented_control(
        "Curves",
        ["loss", "accuracy"],
        default="loss",
        required=True,
        key="lab-metric",
        label_visibility="collapsed",
        format_func=str.capitalize,
    )
    empty = np.empty(0), np.empty(0)
    traces = []
    for trial, colour, curves in found:
        train, validation = curves.get(f"{metric}/train"), curves.get(f"{metric}/validation")
        traces.append(
            figures.Trace(
                trial.name.capitalize(),
                colour,
                empty if train is None else by_epoch(train),
                empty if validation is None else (validation.epochs, validation.values),
            )
        )
    results = [(trial.name, result) for trial, _, curves in found if (result := outcome(curves)) is not None]
    chart(
        figures.lab(traces, "loss" if metric == "loss" else "accuracy", epochs=EPOCHS),
        key="lab-curves",
        height=320,
        alt=f"{metric} over {EPOCHS} epochs. "
        + "; ".join(f"{name}: gap {result.gap:.0f} points" for name, result in results),
    )
    st.caption("Drawn through: validation digits. Dotted: training digits, as the network saw them.")
    if not results:
        return
    rows = [
        (
            name.capitalize(),
            f"{result.train_accuracy:.1%}",
            f"{result.validation_accuracy:.1%}",
            f"{result.gap:.1f} points".replace("-", "−"),
            significant(result.train_loss),
            significant(result.validation_loss),
        )
        for name, result in results
    ]
    st.html(
        html.table(
            ("Run", "Training", "Validation", "Gap", "Training loss", "Validation loss"),
            rows,
            caption="Accuracy and loss after the last epoch",
            numeric=(1, 2, 3, 4, 5),
        )
    )
    if len(results) > 1:
        least = min(results, key=lambda pair: pair[1].gap)
        best = max(results, key=lambda pair: pair[1].validation_accuracy)
        st.markdown(
            f"Smallest gap: **{least[0]}**, {least[1].gap:.1f} points. Best on new digits: **{best[0]}**, "
            f"{best[1].validation_accuracy:.1%}.".replace("-", "−")
        )


def question(scene: Scene) -> Question:
    augmented = next(trial for trial in trials(len(scene.dataset().train)) if trial.spec.train.augmentation)
    digits, epochs = augmented.spec.data.train_size or FEW, augmented.spec.train.epochs
    seen = digits * epochs
    return ask(
        f"With augmentation the network is trained on {digits} digits for {epochs} epochs. "
        "How many different pictures does it see?",
        Choice(
            count(seen),
            f"{digits} · {epochs}: each digit is shifted, turned and scaled anew every time, so hardly any picture "
            "comes twice, and there is nothing to learn by heart.",
            seen,
        ),
        Choice(count(digits), "That is so without augmentation: the same pictures in each epoch.", digits),
        Choice(
            count(2 * digits),
            "The changed pictures aren't made once and added. They are drawn anew in each epoch.",
            2 * digits,
        ),
        Choice(count(epochs), "That is how often each digit comes by.", epochs),
    )
