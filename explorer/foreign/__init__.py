"""Weights files that were made elsewhere, read without trusting them.

:mod:`~explorer.foreign.reader` runs in a process of its own, with limits on memory and time, and turns the file into
one of ours; :mod:`~explorer.foreign.matching` finds out which tensor is which; :func:`convert` starts and watches it.
"""

from explorer.foreign.matching import Matching
from explorer.foreign.process import Converted, convert, most_bytes

__all__ = ["Converted", "Matching", "convert", "most_bytes"]
