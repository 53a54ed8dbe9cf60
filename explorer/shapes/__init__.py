"""Whether a network's layers fit together, what each of them costs and sees, and the nearest network that works.

Plain arithmetic on a :class:`~explorer.spec.ModelSpec`: no torch, well under a millisecond, so that it can follow a
slider.
"""

from explorer.shapes.fit import describe_repair, repair
from explorer.shapes.layers import (
    FLOAT_BYTES,
    MAX_ACTIVATION_BYTES,
    MAX_MACS,
    MAX_PARAMETERS,
    LayerShape,
    Totals,
    partial,
    totals,
    trace,
)
from explorer.shapes.windows import Shape, padding

__all__ = [
    "FLOAT_BYTES",
    "MAX_ACTIVATION_BYTES",
    "MAX_MACS",
    "MAX_PARAMETERS",
    "LayerShape",
    "Shape",
    "Totals",
    "describe_repair",
    "padding",
    "partial",
    "repair",
    "totals",
    "trace",
]
