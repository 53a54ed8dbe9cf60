"""A worker without training: a real process with a real lease, which does what its run's name says.

"steps": works until told otherwise. "short": ends after three steps and sets off the next run. "deaf": heeds neither
orders nor SIGTERM. "broken": exits before it claims. "crash": exits in the middle. "checkpoint": like steps, with one.
"""

from __future__ import annotations

import signal
import sys
import time
from typing import NoReturn

from explorer.runs import service
from explorer.runs.executors import LocalExecutor, this_process
from explorer.runs.records import Metric, Progress
from explorer.runs.store import SqlRunStore


def main(run_id: str) -> NoReturn:
    store = SqlRunStore.open()
    kind = store.get(run_id).name
    sys.stdout.write(f"hello from {run_id}\n")
    if kind == "broken":
        sys.exit(3)
    if kind == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lease = store.claim_run(run_id, this_process(), ttl=20.0)
    if lease is None:
        sys.exit("not to be had")
    kept = store.latest_checkpoints(run_id)
    step = kept[0].step if kept else 0
    store.truncate_metrics(lease, step)
    while True:
        order = store.heartbeat(lease)
        if order == "fenced":
            sys.exit("fenced")
        if order != "ok" and kind != "deaf":
            store.finish(lease, "paused" if order == "pause" else "stopped")
            break
        step += 1
        store.append(lease, [Metric("loss/train", step, step / 10, 1 / step, time.time())])
        store.progress(lease, Progress(step=step, device="cpu"))
        if kind == "checkpoint" and step == 5:
            store.commit_checkpoint(lease, "checkpoints/5", "0" * 64, 5)
        if kind == "crash" and step == 3:
            sys.exit(1)
        if kind == "short" and step == 3:
            store.finish(lease, "finished", result={"test_accuracy": 0.99})
            break
        time.sleep(0.02)
    service.dispatch(on=service.Backend(store, LocalExecutor("fake_worker", slots=2)))
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
