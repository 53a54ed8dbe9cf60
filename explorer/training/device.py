"""Where the arithmetic is done: which devices there are, which one a recipe means, and what their faults mean."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from explorer.errors import TrainingError
from explorer.machine import cores
from explorer.spec import DeviceName, PrecisionName

_TITLES = {"cuda": "CUDA", "mps": "Apple GPU", "xpu": "Intel GPU"}


def pick(name: DeviceName = "auto") -> torch.device:
    """The device of a recipe; ``auto`` is the accelerator that torch finds, else the CPU.

    Raises TrainingError where this machine, or this build of torch, has no such device.
    """
    if name == "cpu":
        return torch.device("cpu")
    found = _accelerator()
    if name == "auto":
        return found or torch.device("cpu")
    if found is None or found.type != name:
        there = "cpu" if found is None else f"cpu and {found.type}"
        raise TrainingError(f"there is no {name} device here (there is {there}): choose the device auto")
    return found


def available() -> dict[str, str]:
    """The devices to choose from, by the names that a recipe uses: ``{"auto": "Auto: CPU, 2 cores", "cpu": …}``."""
    found = {"cpu": describe(torch.device("cpu"))}
    accelerator = _accelerator()
    if accelerator is not None:
        found[accelerator.type] = describe(accelerator)
    return {"auto": f"Auto: {describe(accelerator or torch.device('cpu'))}", **found}


def describe(device: torch.device) -> str:
    """A device in words: ``CPU, 2 cores`` or the name of a GPU."""
    if device.type == "cpu":
        count = cores()
        return f"CPU, {count} core{'s' if count > 1 else ''}"
    if device.type in ("cuda", "xpu"):
        return str(getattr(torch, device.type).get_device_name(device))
    return _TITLES.get(device.type, device.type)


def check(device: torch.device, precision: PrecisionName) -> None:
    """Raises TrainingError where the device can't compute in this precision."""
    if precision == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise TrainingError(f"{describe(device)} can't compute in bfloat16: choose the precision float32")
    if precision == "bfloat16" and device.type == "mps" and int((platform.mac_ver()[0] or "0").split(".")[0]) < 14:
        raise TrainingError("Apple GPUs compute in bfloat16 from macOS 14 on: choose the precision float32")


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16. A processor without any imitates them, many times slower."""
    if device.type == "cpu":
        return any(has for name, has in torch.cpu.get_capabilities().items() if "bf16" in name)
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        check(device, "bfloat16")
    except TrainingError:
        return False
    return True


@contextmanager
def working(device: torch.device) -> Iterator[None]:
    """While the block works on the device, its convolutions take the same path each time.

    Raises TrainingError, with a remedy, where the device's memory is not enough.
    """
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=True):
            yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError; the CPU's is nothing more
        if not _is_memory(error):
            raise
        raise TrainingError(
            f"the memory of {describe(device)} is not enough for this step: use a smaller batch size, or fewer or "
            "smaller feature maps, or end other programs"
        ) from error


def _is_memory(error: Exception) -> bool:
    words = str(error).lower()
    told = any(phrase in words for phrase in ("out of memory", "can't allocate memory", "alloc_failed"))
    return told or isinstance(error, torch.OutOfMemoryError | MemoryError)


def _accelerator() -> torch.device | None:
    found = torch.accelerator.current_accelerator(check_available=True)
    return found if found is not None and found.type in _TITLES else None
