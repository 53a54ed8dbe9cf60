"""What runs take from one another: two at once on this machine's cores, and one that is watched live.

Runs are started as the app starts them, each in a process of its own, and counted over some seconds when they are under
way. Viewers are bench/viewers.py's: the server's work is there, a browser's is not. Sides take turns.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine import spec_of  # noqa: E402
from report import report  # noqa: E402
from serving import APP, serving  # noqa: E402
from viewers import Viewer  # noqa: E402

from explorer.runs import service  # noqa: E402

BATCH = 64
UNDER_WAY = 60  # steps
PATIENCE = 300.0  # seconds


@contextmanager
def runs(count: int) -> Iterator[list[str]]:
    """So many runs of the article's network that are under way, stopped at the end."""
    started = [service.start(spec_of("article", BATCH, None, epochs=50)) for _ in range(count)]
    try:
        give_up = time.monotonic() + PATIENCE
        while any(service.local().store.get(each).progress.step < UNDER_WAY for each in started):
            if time.monotonic() > give_up:
                raise SystemExit("the runs did not get under way")
            time.sleep(0.2)
        yield started
    finally:
        for each in started:
            service.stop(each)
        while any(service.local().store.get(each).active for each in started):
            time.sleep(0.2)


def speed(started: list[str], seconds: float) -> float:
    """Images a second of all these runs together."""

    def steps() -> list[tuple[int, float]]:
        found = [service.local().store.get(each).progress for each in started]
        return [(progress.step, progress.elapsed or 0.0) for progress in found]

    before = steps()
    time.sleep(seconds)
    after = steps()
    return sum(BATCH * (now[0] - then[0]) / (now[1] - then[1]) for then, now in zip(before, after, strict=True))


def watched(url: str, viewers: int, seconds: float) -> float:
    """Images a second of one run that so many look at."""
    with runs(1) as started:
        looking = [Viewer(f"{url}/?network={started[0]}") for _ in range(viewers)]
        time.sleep(5)
        if looking and not all(viewer.answers for viewer in looking):
            raise SystemExit("a viewer does not see the run")
        found = speed(started, seconds)
        for viewer in looking:
            viewer.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    turns, seconds = (2, 10.0) if parser.parse_args().quick else (5, 15.0)
    alone, both, one, ten = [], [], [], []
    with tempfile.TemporaryDirectory() as name, serving(APP, Path(name)) as app:
        os.environ["KERNELSCOPE_HOME"] = str(Path(name) / "home")
        for _ in range(turns):
            alone.append(watched(app.url, 0, seconds))
            with runs(2) as started:
                both.append(speed(started, seconds))
            one.append(watched(app.url, 1, seconds))
            ten.append(watched(app.url, 10, seconds))
    for what, values in (
        ("two runs at once, both together", both),
        ("a run that one viewer watches", one),
        ("a run that ten viewers watch", ten),
    ):
        report(f"{what}: article, batch {BATCH}", values, "images/s", baseline=alone, higher_is_better=True)


if __name__ == "__main__":
    main()
