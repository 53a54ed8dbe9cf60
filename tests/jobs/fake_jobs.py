"""Kinds of jobs for tests, and the worker that knows them: real processes, which do what their kind says."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from explorer.errors import DataError
from explorer.home import home
from explorer.jobs import registry, worker
from explorer.jobs.context import Context
from explorer.jobs.progress import Progress, part
from explorer.jobs.registry import Kind
from explorer.jobs.service import Jobs

Arrays = dict[str, np.ndarray]
FAKES = {
    name: Kind(f"fake_jobs:{name}")
    for name in ("squares", "gate", "stuck", "faulty", "broken", "hungry", "killed", "large", "pickled", "environment")
}


def squares(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    """Leaves a line for each time that it really computes."""
    with (home() / "computed.txt").open("a") as file:
        file.write(f"{os.getpid()}\n")
    inner = part(progress, 0.0, 1.0, "squaring")
    for step in range(params["n"]):
        inner((step + 1) / params["n"])
    return {"squares": np.arange(params["n"]) ** 2, "names": np.array(["a", "ü"])}


def gate(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    """Is half done until the file named in its parameters exists."""
    with (home() / "gates.txt").open("a") as file:
        file.write(f"{Path(params['file']).name}\n")
    progress(0.5, "half way")
    while not Path(params["file"]).exists():
        time.sleep(0.02)
    return {"done": np.array([1.0])}


def stuck(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    """Heeds no SIGTERM, and writes a result that never gets whole."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    part_file = next((home() / "jobs" / "active").iterdir()) / "half"
    part_file.write_text("half")
    progress(0.9, "stuck")
    while True:
        time.sleep(1)


def faulty(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    raise DataError("the digits are gone: fetch them again")


def broken(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    raise ZeroDivisionError("division by zero")


def hungry(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    return {"zeros": np.zeros(2**52, np.int8)}


def killed(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    progress(0.3, "doomed")
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def large(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    """Ends on a disk that is full before its result is written."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    return {"zeros": np.zeros(200_000, np.int8)}


def pickled(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    return {"objects": np.array([object()])}


def environment(context: Context, params: dict[str, Any], progress: Progress) -> Arrays:
    import torch

    return {
        "session": np.array(os.getsid(0) == os.getpid()),
        "niceness": np.array(os.nice(0)),
        "threads": np.array(torch.get_num_threads()),
        "network": np.array(context.network.spec.names),
        "images": np.array(len(context.data.test)),
    }


def jobs(slots: int = 1) -> Jobs:
    return Jobs(home() / "jobs", "fake_jobs", slots=slots)


if __name__ == "__main__":
    registry.KINDS.update(FAKES)
    sys.exit(worker.main(sys.argv[1], jobs=jobs()))
