"""A network from a file, in a popover of the sidebar beside Export: what was exported, or was trained elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.data.cards import find_card
from explorer.errors import ExplorerError, SpecError, WeightsError
from explorer.figures import theme
from explorer.shapes import totals, trace
from explorer.spec import RunSpec, from_text
from explorer.ui import cache, drafting, html, shell, state, uploads
from explorer.weights import HEAD_BYTES, is_safetensors, spec_of

if TYPE_CHECKING:
    from explorer.imported import Added

KEY = "import"
MOST_CARD_BYTES = 1_000_000
_TURN, _ASKED, _DONE = f"{KEY}-turn", f"{KEY}-asked", f"{KEY}-done"


def popover() -> None:
    """What is in it is not even sent before it is opened: it is on every page."""
    box = st.popover("Import", icon=":material/upload:", type="tertiary", key=KEY, on_change="rerun")
    if box.open:
        with box, shell.sentences():
            _form()


def _form() -> None:
    turn = st.session_state.setdefault(_TURN, 0)
    asked = st.session_state.pop(_ASKED, False)
    files = st.file_uploader(
        "Weights, and their card if there is one",
        accept_multiple_files=True,
        max_upload_size=uploads.MOST_MEGABYTES,
        key=f"{KEY}-files-{turn}",
        on_change=lambda: st.session_state.pop(_DONE, None),
        help="A .safetensors file or a PyTorch state dict (.pt, .pth), up to 20 MB; larger ones by "
        "`python -m explorer import`. The file is read in a process of its own, and nothing in it is ever run.",
    )
    if not files:
        if _DONE in st.session_state:
            st.success(st.session_state[_DONE], icon=":material/check:")
            return
        st.caption(
            "A file from Export says itself which network it holds. Any other is taken for the network in Build & "
            "train, unless its card (.json) comes with it."
        )
        return
    outcome = st.container()  # above the button: under it, a phone would show nothing of it
    weights, card = _sorted(files)
    spec, source = _described(weights, card)
    shape = find_card(spec.data.dataset)
    parameters = totals(trace(spec.model, shape.shape, len(shape.classes))).parameters
    st.markdown(f"Taken for **{html.escape_markdown(source)}**, {theme.count(parameters)} parameters, {shape.title}.")
    name = st.text_input("Name", value=spec.name, max_chars=80, key=f"{KEY}-name-{weights.file_id}")
    st.button(
        "Import",
        key=f"{KEY}-it",
        type="primary",
        icon=":material/upload:",
        width="stretch",
        # A callback: those of the sidebar's other widgets may run the page anew before this button is drawn.
        on_click=lambda: st.session_state.update({_ASKED: True}),
    )
    if asked:
        with outcome, shell.sentences():
            _import(weights, spec.renamed(name))


def _sorted(files: Sequence[Any]) -> tuple[Any, Any | None]:
    """The weights, and the card or None. Raises WeightsError where it is not clear which is which."""
    cards = [file for file in files if file.name.lower().endswith(".json")]
    weights = [file for file in files if file not in cards]
    if len(weights) != 1 or len(cards) > 1:
        raise WeightsError("Bring one file of weights at a time, and at most one card (.json) with it.")
    return weights[0], cards[0] if cards else None


def _described(weights: Any, card: Any | None) -> tuple[RunSpec, str]:
    """Which network the file is taken for: what its card says, else its header, else the draft; and that in words."""
    from explorer import imported

    if card is not None:
        if card.size > MOST_CARD_BYTES:
            raise SpecError(f"{card.name} is larger than any card: bring the one that belongs to the weights")
        spec = from_text(card.getvalue().decode(errors="replace"))
        return spec, f"{spec.name}, as {card.name} says"
    head = weights.getvalue()[:HEAD_BYTES]
    spec_there = spec_of(head) if is_safetensors(head) else None
    if spec_there is not None:
        return spec_there, f"{spec_there.name}, as the file says itself"
    draft = drafting.current()
    return imported.described(draft.model, draft.data, weights.name), f"{draft.network_title}, as in Build & train"


def _import(weights: Any, spec: RunSpec) -> None:
    from explorer import imported

    bar = st.progress(0.0, text="Starting")

    def show(share: float, phase: str) -> None:
        bar.progress(share, text=f"{phase[:1].upper()}{phase[1:]}")

    try:
        with tempfile.TemporaryDirectory(prefix="kernelscope-") as folder:
            path = Path(folder) / "weights"
            path.write_bytes(weights.getvalue())
            added = imported.add(path, spec, file_name=weights.name, progress=show)
    except ExplorerError:
        bar.empty()
        raise
    cache.known_networks.clear()
    state.select_network(added.id)
    st.session_state[_DONE] = _in_words(added)
    st.session_state[_TURN] += 1  # an uploader of its own for the next file
    st.rerun()


def _in_words(added: Added) -> str:
    parts = [f"**{html.escape_markdown(added.spec.name)}** is the current network now."]
    if added.correct is not None:
        parts.append(f"It reads {added.correct:,} of {added.images:,} test images right.")
    parts += [added.notice] if added.notice else []
    parts.append("Build & train shows what became of each tensor.")
    return " ".join(parts)
