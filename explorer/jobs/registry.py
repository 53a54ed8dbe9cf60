"""The kinds of computation that a job may be: nothing else is ever imported on a request's word."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from explorer.errors import SpecError

if TYPE_CHECKING:
    import numpy as np

    from explorer.jobs.context import Context
    from explorer.jobs.progress import Progress

    Compute = Callable[[Context, dict[str, Any], Progress], dict[str, np.ndarray]]


class Kind(NamedTuple):
    """``function`` is "module:name". Raise ``version`` when the function's results change: older ones are then not
    found any more."""

    function: str
    version: int = 1


KINDS: dict[str, Kind] = {
    "calibration": Kind("explorer.jobs.kinds.calibration:compute", 2),
    "changed": Kind("explorer.jobs.kinds.changed:compute"),
    "data-duplicates": Kind("explorer.jobs.kinds.collection:duplicates"),
    "data-ranks": Kind("explorer.jobs.kinds.collection:ranks"),
    "flips": Kind("explorer.jobs.kinds.flips:compute"),
    "label-errors": Kind("explorer.jobs.kinds.label_errors:compute"),
    "neighbours": Kind("explorer.jobs.kinds.neighbours:compute"),
    "robustness": Kind("explorer.jobs.kinds.robust:compute"),
    "separation-points": Kind("explorer.jobs.kinds.separation:points"),
    "separation-probes": Kind("explorer.jobs.kinds.separation:probes"),
    "exciting": Kind("explorer.jobs.kinds.kernels:exciting"),
    "maximal": Kind("explorer.jobs.kinds.kernels:maximal"),
}


def find(kind: str) -> Kind:
    """The kind of that name. Raises SpecError, with those that there are, where there is none."""
    try:
        return KINDS[kind]
    except KeyError:
        raise SpecError(f"there is no computation {kind!r:.40}; there are: {', '.join(KINDS)}") from None


def function(kind: str) -> Compute:
    """What computes that kind of job. Raises SpecError where there is none."""
    module, _, name = find(kind).function.partition(":")
    return cast("Compute", getattr(importlib.import_module(module), name))
