"""How every bench says what it found: one JSON object a line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from statistics import median


def report(
    figure: str,
    values: Sequence[float],
    unit: str,
    *,
    baseline: Sequence[float] | None = None,
    higher_is_better: bool = False,
    **more: object,
) -> None:
    """Prints a figure: the median of its runs, and, where there is something to compare with, that median and the
    ratio (value over baseline)."""
    value = median(values)
    against = median(baseline) if baseline else None
    line = {
        "figure": figure,
        "value": round(value, 4),
        "unit": unit,
        "baseline": None if against is None else round(against, 4),
        "ratio": None if not against else round(value / against, 3),
        "runs": len(values),
        "command": "python " + " ".join(sys.argv),
        "better": "higher" if higher_is_better else "lower",
        "machine": machine(),
        **more,
    }
    print(json.dumps(line), flush=True)


@cache
def machine() -> str:
    """Processor, its widest instructions that torch uses, and cores."""
    import torch

    name = torch.cpu.get_capabilities().get("cpu_name", "processor")
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}, {os.cpu_count()} cores"
