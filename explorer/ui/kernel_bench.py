"""The kernel bench: paint a kernel or start from a classic one, see its map, train the rest of a network with it; and
which classics the network's own first kernels resemble."""

from __future__ import annotations

from typing import cast

import numpy as np
import streamlit as st

from explorer.analysis.classic import NAMES, Resemblance, classics, resemblance, threshold
from explorer.data.cards import DataCard
from explorer.networks import Known
from explorer.spec import Conv, Kernel, to_link
from explorer.ui import cache, drafting, shell
from explorer.ui.components import wall
from explorer.ui.components.painter import LARGEST, painter

FIRST_SIZE, FIRST_CLASSIC = 3, "vertical edge"
MOST = 512


def show(network: Known, card: DataCard, pixels: np.ndarray) -> None:
    """The whole tab. ``network``: the current one, with weights; ``card``: its data set's; ``pixels``: the current
    digit, uint8 (C, H, W)."""
    st.caption(
        "A kernel slides over the image, and each place gives the sum of pixel × weight, pixels counted from 0 (black) "
        "to 1 (white). Change a weight, and the map follows."
    )
    _bench(card, pixels)
    _chosen()
    st.divider()
    _learned(network)


def labels(network: Known) -> list[str]:
    """For each kernel of the network's first convolution the classic that it resembles most and the cosine with it,
    'vertical edge 0.93', negative with light and dark swapped, or 'none'. Empty without a convolution."""
    kernels = _first_kernels(network)
    return [] if kernels is None else [_label(resemblance(kernel)) for kernel in kernels]


# --- painting ---


def _bench(card: DataCard, pixels: np.ndarray) -> None:
    sizes = range(1, min(LARGEST, *card.shape[1:]) + 1)
    # Not as the widgets' defaults: a click on a learned kernel sets both.
    st.session_state.setdefault("bench-size", min(FIRST_SIZE, sizes[-1]))
    st.session_state.setdefault("bench-classic", FIRST_CLASSIC)
    left, right = st.columns([1, 2], gap="medium")
    with left:
        size = st.select_slider(
            "Kernel size",
            sizes,
            format_func=lambda side: f"{side} × {side}",
            key="bench-size",
            persist_state="session",
            on_change=_new_kernel,
            help="With a classic chosen, another size shows that classic at this size; with none, what you painted "
            "stays in the middle.",
        )
    with right:
        name = st.pills(
            "Start from",
            NAMES,
            key="bench-classic",
            persist_state="session",
            on_change=_new_kernel,
            help="Classic kernels of image processing. Choosing one replaces what is painted.",
        )
    taken = cast("Kernel | None", st.session_state.get("bench-taken"))
    kernel = None
    if taken is not None and len(taken) == size:
        kernel = np.array(taken)
    elif name is not None:
        kernel = classics(size).get(name)
        if kernel is None:
            st.caption(f"There is no {name} at {size} × {size}: {_why_not(size)}.")
    painter(
        pixels,
        key="bench-painter",
        size=size,
        kernel=kernel,
        stamp=st.session_state.get("bench-turn", 0),
        on_use=_use,
    )


def _why_not(size: int) -> str:
    if size == 1:
        return "a single number has no shape"
    return "an even kernel has no pixel in the middle" if size > 2 else "no pixel of it is farther out than another"


def _new_kernel() -> None:
    st.session_state["bench-taken"] = None
    _turn()


def _turn() -> None:
    """The painter takes over what Python sends along with another number."""
    st.session_state["bench-turn"] = st.session_state.get("bench-turn", 0) + 1


def _use(kernel: np.ndarray) -> None:
    st.session_state["bench-kernel"] = _rows(kernel)


def _chosen() -> None:
    """The kernel that is to be used, and the way to train with it."""
    kernel = cast("Kernel | None", st.session_state.get("bench-kernel"))
    if kernel is None:
        return
    size = len(kernel)
    left, right = st.columns([1, 3], gap="medium", vertical_alignment="center")
    with left:
        wall(np.array([kernel], np.float32), key="bench-chosen", scale="signed", tile=112, label="Kernel to be used")
    with right:
        st.markdown(f"**Your {size} × {size} kernel** · {_said(resemblance(np.array(kernel)))}")
        st.caption(
            "It becomes one of the kernels of the first convolution in Build & train, whose kernel size becomes "
            f"{size}. Training leaves its weights as they are and learns all others."
        )
        # What can't be is refused with a sentence, and then the page stays.
        if st.button("Train the rest with it", key="bench-train", type="primary", icon=":material/construction:") and (
            drafting.edit(lambda draft: draft.with_frozen(kernel)) or _is_frozen(kernel)
        ):
            st.switch_page(shell.path_of("build"), query_params={"spec": to_link(drafting.current().run_spec())})


def _is_frozen(kernel: Kernel) -> bool:
    draft = drafting.current()
    return kernel in draft.train.frozen_kernels and not draft.frozen_fault


# --- what was learned ---


def _learned(network: Known) -> None:
    st.header("What the network's own first kernels resemble", anchor=False)
    kernels = _first_kernels(network)
    if kernels is None:
        st.caption("This network has no convolution, so it has no kernels.")
        return
    size, channels = kernels.shape[-1], kernels.shape[1]
    frozen = len(network.spec.train.frozen_kernels)
    mean = "" if channels == 1 else f" Each is the mean of its slices for {channels} input channels."
    fits = size <= LARGEST
    bring = " Click one to bring it to the bench, its largest weight made 1." if fits else ""
    if size == 1:
        st.caption(f"Kernels of 1 × 1 have no shape that could resemble one.{mean}{bring}")
    else:
        st.caption(
            "The number is the cosine with the nearest classic kernel: 1 is the same up to scale, below 0 light and "
            f"dark are swapped. Under ±{threshold(size):.2f} it says none: of kernels of random numbers of this size, "
            f"1 in 20 gets there.{mean}{bring}"
        )
    found = [resemblance(kernel) for kernel in kernels]
    alike = np.array([0.0 if one.name is None else abs(one.similarity) for one in found])
    order = np.argsort(-alike, kind="stable")[:MOST]  # the most alike first
    planes = kernels.mean(axis=1)[order]

    def take(place: int) -> None:
        largest = float(np.abs(planes[place]).max()) or 1.0
        st.session_state["bench-taken"] = _rows(planes[place] / largest)
        st.session_state["bench-size"] = size
        st.session_state["bench-classic"] = None
        _turn()

    wall(
        planes,
        key="bench-learned",
        scale="signed",
        captions=[_label(found[number]) for number in order],
        details=[f"kernel {number}{', frozen' if number < frozen else ''}" for number in order],
        tile=116,
        label="Learned kernels",
        on_click=take if fits else None,
    )


def _first_kernels(network: Known) -> np.ndarray | None:
    """The first convolution's kernels, float32 (kernels, C, k, k), or None without one."""
    model = network.spec.model
    name = next((name for layer, name in zip(model.layers, model.names, strict=True) if isinstance(layer, Conv)), None)
    return None if name is None else cache.kernels(network.id, network.version, name)[0]


def _label(found: Resemblance) -> str:
    return "none" if found.name is None else f"{found.name} {found.similarity:.2f}".replace("-", "−")


def _said(found: Resemblance) -> str:
    return "resembles no classic one" if found.name is None else _label(found)


def _rows(kernel: np.ndarray) -> Kernel:
    """A kernel as a spec holds it, to three decimals, which keeps links short."""
    return tuple(tuple(round(float(value), 3) + 0.0 for value in row) for row in kernel)
