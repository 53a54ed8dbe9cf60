"""What a training step costs as kernels, kernel size, batch and depth grow: a table, as Markdown with `--table FILE`,
and a chart with `--chart FILE`.

The base is two 3×3 convolutions of 32 kernels, 'same' padding, ReLU, 2×2 pooling before the second, global average
pooling, batch 64, float32. One thing varies at a time. `factor` is the step's time over that of the row before,
`work` the factor by which its multiply-adds grew: where the two part, a step is no longer linear in its work.
`gigaflops` is what the step reaches, forward and backward taken as three times the forward multiply-adds, two
operations each; `of_peak` is its share of what a square float32 matrix multiplication reaches here.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine import run, worker_environment  # noqa: E402
from of_peak import matrix_peak  # noqa: E402
from report import machine  # noqa: E402

from explorer.blocks import Blocks, ConvBlock, to_model  # noqa: E402
from explorer.data.cards import CARDS  # noqa: E402
from explorer.shapes import totals, trace  # noqa: E402
from explorer.spec import RunSpec, TrainSpec  # noqa: E402

KERNELS, SIZE, BATCH, DEPTH = 32, 3, 64, 2
VARIED: dict[str, tuple[int, ...]] = {
    "kernels": (1, 2, 4, 8, 16, 32, 64, 128, 256),
    "kernel size": (1, 3, 5, 7, 9, 11),
    "batch": (1, 4, 16, 64, 256, 1024),
    "depth": (1, 2, 3, 4, 5, 6),
}
CARD = CARDS["mnist"]


def spec_of(varied: str, value: int) -> RunSpec:
    now = {"kernels": KERNELS, "kernel size": SIZE, "batch": BATCH, "depth": DEPTH, varied: value}
    first = ConvBlock(kernels=KERNELS, kernel_size=SIZE, padding="same", pool="max")
    later = ConvBlock(kernels=now["kernels"], kernel_size=now["kernel size"], padding="same")
    blocks = Blocks(convs=(first, *[later] * (now["depth"] - 1)), bridge="global_average_pool", dense=())
    return RunSpec(name=varied, model=to_model(blocks), train=TrainSpec(batch_size=now["batch"], precision="float32"))


def macs(spec: RunSpec) -> int:
    """Of a step's forward pass."""
    return totals(trace(spec.model, CARD.shape, len(CARD.classes))).macs * spec.train.batch_size


def child(turns: int) -> dict[str, Any]:
    """Seconds a step, for every value in turn, and operations a second of a matrix multiplication."""
    import torch

    from explorer.data import load
    from explorer.machine import cores
    from explorer.training.device import pick
    from explorer.training.learner import Learner

    torch.set_num_threads(cores())
    data = load("mnist")
    found: dict[str, list[float]] = {}
    for varied, values in VARIED.items():
        learners = [Learner(spec_of(varied, value), data, pick("cpu"), weights={}) for value in values]
        times: list[list[float]] = [[] for _ in values]
        for learner in learners:
            for _ in range(3):
                learner.take_step()
        for _ in range(turns):  # values take turns, so that what else the machine does falls on all
            for learner, told in zip(learners, times, strict=True):
                steps, began = 0, time.perf_counter()
                while steps < 2 or time.perf_counter() - began < 0.15:
                    learner.take_step()
                    steps += 1
                told.append((time.perf_counter() - began) / steps)
        found[varied] = [median(told) for told in times]
    return {"seconds": found, "peak": matrix_peak("float32")}


def rows(measured: dict[str, Any]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for varied, values in VARIED.items():
        before: tuple[float, int] | None = None
        for value, seconds in zip(values, measured["seconds"][varied], strict=True):
            work = macs(spec_of(varied, value))
            speed = 6 * work / seconds
            out.append(
                {
                    "figure": f"a training step, {varied} {value}",
                    "value": round(1_000 * seconds, 3),
                    "unit": "ms",
                    "factor": None if before is None else round(seconds / before[0], 2),
                    "work": None if before is None else round(work / before[1], 2),
                    "gigaflops": round(speed / 1e9, 1),
                    "of_peak": round(speed / measured["peak"], 3),
                    "command": "python bench/step_cost.py",
                    "machine": machine(),
                }
            )
            before = seconds, work
    return out


def write(found: list[dict[str, Any]], file: Path) -> None:
    """The rows as a table in Markdown."""
    lines = [
        "# What a training step costs",
        "",
        f"Two convolutions of {KERNELS} {SIZE}×{SIZE} kernels, global average pooling, batch {BATCH}, float32;",
        "one thing varies at a time. The peak is that of a large square matrix multiplication; large kernels get",
        "beyond it, because what lies in the padding is counted and not computed. Made by",
        "`python bench/step_cost.py --table docs/step-cost.md --chart docs/step-cost.png` on",
        f"{found[0]['machine']}.",
        "",
        "| what varies | ms a step | times the row before | its multiply-adds | GFLOP/s | share of the peak |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in found:
        what = row["figure"].removeprefix("a training step, ")
        growth = f"{row['factor'] or ''} | {row['work'] or ''}"
        lines.append(f"| {what} | {row['value']:.2f} | {growth} | {row['gigaflops']:.1f} | {row['of_peak']:.1%} |")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw(measured: dict[str, Any], file: Path) -> None:
    """A panel a thing that varies: milliseconds a step, and what its multiply-adds would take at the peak of matrix
    multiplication, both axes logarithmic, as PNG."""
    from plotly.offline import get_plotlyjs
    from serving import chromium

    lines: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "title": {"text": "What a training step costs"},
        "template": None,
        "legend": {"orientation": "h"},
        "grid": {"rows": 2, "columns": 2, "pattern": "independent", "ygap": 0.3},
    }
    looks = ({"color": "#4338ca", "dash": "solid"}, {"color": "#8a8f98", "dash": "dot"})
    for number, (varied, values) in enumerate(VARIED.items()):
        axis = "" if number == 0 else str(number + 1)
        sides = {
            "measured": [1_000 * seconds for seconds in measured["seconds"][varied]],
            "its multiply-adds at the peak": [
                1_000 * 6 * macs(spec_of(varied, value)) / measured["peak"] for value in values
            ],
        }
        for (name, heights), line in zip(sides.items(), looks, strict=True):
            of = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "mode": "lines+markers", "line": line}
            lines.append({"name": name, "showlegend": number == 0, "x": values, "y": heights, **of})
        ticks = {"tickvals": values, "ticktext": [str(value) for value in values]}
        layout[f"xaxis{axis}"] = {"type": "log", "title": {"text": varied}, **ticks}
        layout[f"yaxis{axis}"] = {"type": "log", "title": {"text": "ms a step"}, "dtick": 1}
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 720})
        page.set_content("<div id='plot' style='width: 980px; height: 700px'></div>")
        page.add_script_tag(content=get_plotlyjs())
        page.evaluate("([data, layout]) => Plotly.newPlot('plot', data, layout)", [lines, layout])
        page.wait_for_timeout(500)
        page.screenshot(path=str(file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--table", type=Path, help="writes the table into this Markdown file")
    parser.add_argument("--chart", type=Path, help="draws the chart into this PNG")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child)))
        return
    turns = "2" if options.quick else "7"
    measured = run(["bench/step_cost.py", "--child", turns], worker_environment())
    found = rows(measured)
    for row in found:
        print(json.dumps(row), flush=True)
    if options.table:
        write(found, options.table)
    if options.chart:
        draw(measured, options.chart)


if __name__ == "__main__":
    main()
