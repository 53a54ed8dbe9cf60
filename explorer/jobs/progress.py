"""How a computation says how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the share done, 0 to 1, and what is being done, in a word or two; without it the last one stays.
    Wherever an analysis wants a plain function of the share, this is one."""

    def __call__(self, share: float, phase: str = "", /) -> None: ...


def part(progress: Progress, first: float, last: float, phase: str = "") -> Progress:
    """The progress of a part of the work, the shares from ``first`` to ``last``, which has a name of its own."""

    def tell(share: float, inner: str = "", /) -> None:
        progress(first + (last - first) * min(1.0, max(0.0, share)), inner or phase)

    return tell
