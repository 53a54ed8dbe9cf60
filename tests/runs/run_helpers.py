"""What the tests of runs share."""

from __future__ import annotations

import time
from collections.abc import Callable

from explorer.spec import Conv, Flatten, ModelSpec, Output, RunSpec


def a_spec(name: str = "network") -> RunSpec:
    return RunSpec(name=name, model=ModelSpec(layers=(Conv(kernels=4, kernel_size=3), Flatten(), Output())))


def wait_for(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Waits until it holds; a test that waits in vain fails, however slow the machine."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
