"""A kernel to paint, and beside it what it makes of a digit, computed in the browser while one paints.

Python sends a kernel only when it wants another one shown, and hears of the painted one when it is to be used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from explorer.figures import theme
from explorer.ui.components import assets

LARGEST = 11
MOST = 100.0
"""The largest absolute value that can be painted."""

_SCRIPT = assets.script("pixels.js", "painter.js", palettes=assets.palettes(), most=MOST)
_mount = st.components.v2.component(
    "kernelscope_painter",
    html=f'<div class="painter"></div>{assets.FAULT}',
    css=f":host {{ {theme.css_variables()} }}\n{assets.text('painter.css')}",
    js=_SCRIPT.loader,
)


def painter(
    pixels: np.ndarray,
    *,
    key: str,
    size: int,
    kernel: np.ndarray | None,
    stamp: int,
    on_use: Callable[[np.ndarray], None] | None = None,
) -> None:
    """Shows a kernel of ``size`` × ``size`` numbers to paint, an image, and the kernel's map of it.

    ``pixels`` are uint8 (C, H, W). The map is the valid cross-correlation (as PyTorch's convolution, without bias) of
    the pixels divided by 255, with the kernel in each of the channels; computed in float64.

    The browser takes ``kernel`` (size, size) over when ``stamp`` differs from the last one, rounded to three decimals;
    None keeps what is painted, its middle in the middle of the new size. What is painted stays in the browser while
    the stamp does, also when the painter goes and comes back.

    ``on_use`` is a Streamlit callback: 'Use in first layer' calls it with the painted kernel, float64 (size, size).

    Raises ValueError where the shapes don't fit or the size is not 1 to 11.
    """
    if not 1 <= size <= LARGEST:
        raise ValueError(f"a kernel to paint has a size of 1 to {LARGEST}, not {size}")
    if kernel is not None and kernel.shape != (size, size):
        raise ValueError(f"the kernel's shape is {kernel.shape}, not {(size, size)}")
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"the image needs uint8 pixels (C, H, W), not {pixels.dtype} {pixels.shape}")
    _SCRIPT.publish()

    def heard() -> None:
        painted = _kernel(st.session_state[key].get("use"))
        if on_use is not None and painted is not None:
            on_use(painted)

    data = {
        "name": key,
        "stamp": stamp,
        "size": size,
        "kernel": None if kernel is None else np.round(kernel, 3).ravel().tolist(),
        "shape": list(pixels.shape),
        "pixels": pixels.ravel().tolist(),
    }
    _mount(key=key, data=data, on_use_change=heard)


def _kernel(value: Any) -> np.ndarray | None:
    """The browser's message as a kernel, None for anything else."""
    if not isinstance(value, list) or not 1 <= len(value) <= LARGEST:
        return None
    for row in value:
        if not isinstance(row, list) or len(row) != len(value) or not all(_fine(number) for number in row):
            return None
    return np.array(value, np.float64)


def _fine(number: Any) -> bool:
    whole = isinstance(number, int | float) and not isinstance(number, bool)
    return whole and math.isfinite(number) and abs(number) <= MOST
