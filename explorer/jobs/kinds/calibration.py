"""Calibrating a network: temperature, and the threshold beyond which a picture is no digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer import calibration
from explorer.jobs.request import Request, ask

if TYPE_CHECKING:
    import numpy as np

    from explorer.data import Dataset
    from explorer.jobs.context import Context
    from explorer.jobs.progress import Progress
    from explorer.networks import Known


def request(known: Known, data: Dataset) -> Request:
    """What is asked for a network that has no calibration beside its weights."""
    return ask("calibration", network=known, data=data)


def compute(context: Context, _params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """The calibration as arrays by name; see :class:`explorer.analysis.trust.Trust`."""
    from explorer.analysis.trust import arrays

    progress(0.0, "calibrating")
    return arrays(calibration.make(context.network, context.known.spec, dataset=context.data, progress=progress))
