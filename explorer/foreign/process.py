"""Starts the process that reads a foreign weights file, watches it, and takes over what it has made. No torch here."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

import explorer
from explorer.data.cards import find_card
from explorer.errors import WeightsError
from explorer.foreign.matching import Matching
from explorer.foreign.protocol import ANSWER, PACKED, REQUEST, TOO_MUCH, Answer, Kind, Request
from explorer.shapes import LayerShape, trace
from explorer.spec import BatchNorm, Conv, Output, RunSpec
from explorer.weights import HEAD_BYTES, is_safetensors

LIMIT_SECONDS = 120.0
"""How long the process may take. It needs two or three seconds, almost all of them to load torch."""

BYTES_A_NUMBER = 12
"""float64, or float32 with the two moments that an optimiser keeps beside it."""
ENVELOPE_BYTES = 1_000_000
"""For all in a file that is not tensors."""
SPARE_BYTES = 150_000_000
"""What reading takes beside the tensors themselves."""
BASE_BYTES = 1_500_000_000
"""What a process with torch takes by itself, generously: only where the system has no limit of its own."""

_PYTORCH = (b"PK\x03\x04", b"\x80\x02")
"""What torch.save begins with: an archive, and before PyTorch 1.6 a bare pickle of the second protocol."""

_POLL_SECONDS = 0.05

log = logging.getLogger(__name__)


class Converted(NamedTuple):
    """``packed`` is a file of ours. ``converted``: the types other than float32 that the foreign one had."""

    packed: bytes
    matching: Matching
    converted: tuple[str, ...]


def convert(path: Path, spec: RunSpec, *, limit_seconds: float = LIMIT_SECONDS) -> Converted:
    """The weights of ``spec``'s network from a safetensors file or a PyTorch state dict, float16, bfloat16 and float64
    as float32.

    The file is read in a process of its own. That one may use, beside what torch takes, three times what the largest
    sensible file for this network has, and lives for ``limit_seconds`` at most. What it writes is a safetensors file,
    which is to be checked again like any other (:func:`explorer.weights.unpack`).

    Raises WeightsError, with fault and remedy, where the file can't be read, is larger than the network could need, is
    of another kind, damaged or malicious, or doesn't fit, SpecError where the network itself can't work, and DataError
    where its data set is unknown.
    """
    card = find_card(spec.data.dataset)
    most = most_bytes(trace(spec.model, card.shape, len(card.classes)))
    kind = _kind(path, most)
    memory = 3 * most + SPARE_BYTES
    request = Request(path=path.resolve(), kind=kind, spec=spec, most_bytes=most, memory=memory)
    with tempfile.TemporaryDirectory(prefix="kernelscope-") as name:
        folder = Path(name)
        (folder / REQUEST).write_text(request.model_dump_json(), encoding="utf-8")
        _run(folder, BASE_BYTES + memory, limit_seconds)
        answer = Answer.model_validate_json((folder / ANSWER).read_bytes())
        if answer.error is not None or answer.matching is None:
            raise WeightsError(answer.error or "the file holds nothing: save the trained network's weights")
        return Converted((folder / PACKED).read_bytes(), answer.matching, answer.converted)


def most_bytes(layers: Sequence[LayerShape]) -> int:
    """The size of the largest file that a network's weights could sensibly be in."""
    return BYTES_A_NUMBER * sum(map(_kept, layers)) + ENVELOPE_BYTES


def _kept(layer: LayerShape) -> int:
    """How many numbers of a layer a file has."""
    match layer.layer:
        case BatchNorm():  # as many statistics as it has parameters
            return 2 * layer.parameters
        case Conv(connections=table, kernel_size=size) if table is not None:  # the maps that it doesn't see are zeros
            return layer.output[0] * (layer.input[0] * size * size + 1)
        case Output(codes=True):
            return layer.input[0] * layer.output[0]
        case _:
            return layer.parameters


def _kind(path: Path, most: int) -> Kind:
    """What the file is by its size and its first bytes; its name may say anything."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise WeightsError(f"the file can't be read ({error.strerror or error}): check its name and rights") from None
    if not size:
        raise WeightsError("the file is empty: save or copy it again")
    if size > most:
        raise WeightsError(
            f"the file has {size / 1e6:,.1f} MB, and this network needs at most {most / 1e6:,.1f} MB: choose the "
            "network that it was made from, and save its weights alone"
        )
    if is_safetensors(head):
        return "safetensors"
    if head.startswith(_PYTORCH):
        return "pytorch"
    raise WeightsError(
        "this is neither a safetensors file nor a PyTorch state dict: bring a .safetensors file, or what "
        "torch.save(model.state_dict(), …) writes"
    )


def _run(folder: Path, most_resident: int, seconds: float) -> None:
    """Lets the reader work until it has answered. Raises WeightsError where it does not."""
    with (folder / "log.txt").open("wb") as log_file:
        child = subprocess.Popen(
            [sys.executable, "-m", "explorer.foreign.reader", str(folder)],
            cwd=Path(explorer.__file__).parents[1],
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # each thread would reserve address space for its stack
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + seconds
    fault = None
    try:
        while fault is None:
            try:
                child.wait(_POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    fault = f"reading the file took more than {seconds:.0f} s and was ended: try again, or save it anew"
                elif _resident(child.pid) > most_resident:
                    fault = TOO_MUCH
    finally:
        child.kill()
        child.wait()
    if fault is None and child.returncode != 0:
        log.error("%s", (folder / "log.txt").read_text(errors="replace")[-4_000:])
        fault = "the file could not be read, for a reason that was not foreseen (the log tells more): save it again"
    if fault is not None:
        raise WeightsError(fault)


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0
