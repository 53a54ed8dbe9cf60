"""What of this machine is ours."""

from __future__ import annotations

import os


def cores() -> int:
    """The cores that this process may use, which in a container or by ``taskset`` may be fewer than there are. A quota
    of processor time, as ``docker run --cpus`` sets it, is not seen."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
