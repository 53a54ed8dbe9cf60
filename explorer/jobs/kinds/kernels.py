"""What kernels look for, as jobs."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.jobs.context import Context
from explorer.jobs.progress import Progress, part

MOST_COMPARED = 1_024
"""Kernels or units of a layer: time and memory grow with the square, and nobody could read a larger matrix."""


def exciting(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:  # noqa: ARG001
    """For each layer with kernels or units: ``NAME/images`` and the other fields of
    :class:`~explorer.analysis.exciting.Exciting`, on the test images, and of its weights ``NAME/cosines`` (K, K) and
    ``NAME/grouped`` (K,), see :mod:`explorer.analysis.alike`; these two only where K is at most ``MOST_COMPARED``."""
    from explorer.analysis import alike, exciting
    from explorer.analysis.units import units

    test, arrays = context.data.test, dict[str, np.ndarray]()
    reading = part(progress, 0.0, 0.9, "showing it the test images")
    found = exciting.exciting(context.network, test.pixels, test.labels, context.data.card, progress=reading)
    layers = units(context.network)
    for number, layer in enumerate(layers):
        progress(0.9 + 0.1 * number / len(layers), "comparing kernels")
        arrays |= found[layer.name].arrays(layer.name)
        if layer.count > MOST_COMPARED:
            continue
        cosines = alike.cosines(context.network.get_parameter(f"{layer.name}.weight").detach().numpy())
        arrays |= {f"{layer.name}/cosines": cosines, f"{layer.name}/grouped": alike.grouped(cosines)}
    return arrays


def maximal(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """The fields of :class:`~explorer.analysis.maximize.Maximal` for ``params``' layer: ``count`` of its kernels or
    units from number ``first`` on."""
    from explorer.analysis.maximize import maximize
    from explorer.data.cards import find_card

    numbers = range(params["first"], params["first"] + params["count"])
    card = find_card(context.known.spec.data.dataset)
    climbing = part(progress, 0.0, 1.0, "climbing from noise")
    found = maximize(context.network, params["layer"], numbers, card, progress=climbing)
    return {name: getattr(found, name) for name in found.__dataclass_fields__}
