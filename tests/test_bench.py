"""The benches' own code, where a figure depends on a device that tests may lack: the same lines on the CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "bench/accelerator.py", "--runs", "1", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)


def test_every_bench_finds_what_it_imports() -> None:
    names = sorted(path.stem for path in (ROOT / "bench").glob("*.py"))
    code = f"import importlib, sys; sys.path[:0] = ['bench', '.']; [importlib.import_module(n) for n in {names}]"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["softmax", "to-99"])
def test_the_accelerator_s_figures_on_the_cpu(name: str) -> None:
    done = bench("--device", "cpu", "--only", name)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if name == "softmax":
        (line,) = lines
        assert line["unit"] == "images/s"
        assert line["value"] > 0
        assert line["machine"]
    # One epoch of the subset may be too little for 99 %: then there is no figure.
    assert all(line["unit"] == "s" and line["value"] > 0 for line in lines if name == "to-99")


def test_without_the_accelerator_there_is_no_figure_but_a_sentence() -> None:
    absent = "xpu" if sys.platform == "darwin" else "mps"
    done = bench("--device", absent)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"there is no {absent} device here" in done.stderr
