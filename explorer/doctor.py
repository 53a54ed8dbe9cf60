"""What `doctor` looks at: is everything here that the project needs, and what to do where it isn't."""

from __future__ import annotations

import logging
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import explorer
from explorer.data.cards import DataCard, all_cards
from explorer.errors import DataError, ExplorerError
from explorer.home import home
from explorer.machine import cores

MIN_FREE_BYTES = 1_000_000_000
LIBRARIES = ("torch", "torchvision", "streamlit", "plotly", "numpy", "pydantic", "SQLAlchemy", "safetensors", "pillow")

_REINSTALL = "pip install -r requirements.txt"


@dataclass(frozen=True)
class Check:
    """One thing looked at. ``detail`` says what was found; ``remedy`` what to do about it, "" where ``ok``."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def checks() -> Iterator[Check]:
    """All checks, each as soon as it is done. None raises, and none changes anything, beyond opening the run store."""
    for name, look in _CHECKS:
        try:
            yield from look()
        except ExplorerError as error:
            yield Check(name, False, str(error), "do what the sentence says, then run doctor again")
        except Exception as error:  # a broken installation can raise anything, and the next checks still matter
            logging.getLogger(__name__).debug("%s", name, exc_info=True)
            yield Check(name, False, f"{type(error).__name__}: {error}", _REINSTALL)


def _python() -> Iterator[Check]:
    yield Check("Python", True, f"{platform.python_version()} on {platform.platform()}")


def _libraries() -> Iterator[Check]:
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    wrong = [f"{name} {has} instead of {wanted}" for name, has, wanted in _mismatches()]
    if missing or wrong:
        yield Check("libraries", False, "; ".join([*(f"{name} is missing" for name in missing), *wrong]), _REINSTALL)
    else:
        yield Check("libraries", True, ", ".join(found))


def _mismatches() -> Iterator[tuple[str, str, str]]:
    """Installed libraries whose version is not the pinned one: name, version, pin. A build's suffix doesn't count."""
    pins = Path(explorer.__file__).parents[1] / "requirements.txt"
    for line in pins.read_text(encoding="utf-8").splitlines():
        name, pinned, wanted = line.partition("==")
        if pinned and not line.startswith("#"):
            try:
                has = metadata.version(name)
            except metadata.PackageNotFoundError:
                has = "nothing"
            if has.partition("+")[0] != wanted.strip():
                yield name, has, wanted.strip()


def _device() -> Iterator[Check]:
    import torch

    from explorer._torchvision import torchvision
    from explorer.training.device import available, describe, pick

    device = pick("auto")
    why = "torch finds no accelerator" if device.type == "cpu" else f"also here: {available()['cpu']}"
    yield Check("device", True, f"auto picks {describe(device)} ({why})")
    yield Check("torch", True, f"torch {torch.__version__} and torchvision {torchvision.__version__} work together")
    yield Check("cores", True, f"{cores()} cores; torch computes on {torch.get_num_threads()} threads")


def _data_sets() -> Iterator[Check]:
    for card in all_cards().values():
        yield from _data(card)


def _data(card: DataCard) -> Iterator[Check]:
    from explorer.data import load

    try:
        data = load(card.name)
    except DataError as error:
        # A data set that was never fetched is no fault of the installation.
        yield Check(card.title, True, str(error))
        return
    complete = f"complete, {len(data.train):,} training and {len(data.test):,} test images"
    yield Check(card.title, True, complete if data.complete else str(data.notice))


def _home() -> Iterator[Check]:
    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"can be written")
    except OSError as error:
        reason = error.strerror or error
        yield Check(
            "home folder", False, f"{folder} can't be written ({reason})", "set KERNELSCOPE_HOME to another folder"
        )
        return
    yield Check("home folder", True, f"{folder} can be written")
    free = shutil.disk_usage(folder).free
    remedy = (
        "" if free >= MIN_FREE_BYTES else "delete runs that are no longer needed, or set KERNELSCOPE_HOME elsewhere"
    )
    yield Check("disk", free >= MIN_FREE_BYTES, f"{free / 1e9:,.1f} GB free", remedy)


def _store() -> Iterator[Check]:
    from explorer.runs import service

    runs = service.local().store.list()
    yield Check("run store", True, f"opens; runs: {len(runs)}, active: {sum(run.active for run in runs)}")


def _zoo() -> Iterator[Check]:
    from explorer import rejection, zoo

    names = zoo.names()
    broken = [] if rejection.digit_or_not() else [f"{rejection.FILE} is missing or damaged: nothing is rejected"]
    for name in names:
        try:
            zoo.load(name)
        except ExplorerError as error:
            broken.append(f"{name}: {error}")
    if broken or not names:
        yield Check("bundled networks", False, "; ".join(broken) or "there are none", "git checkout -- model_zoo")
    else:
        yield Check("bundled networks", True, f"{', '.join(names)}: checksums and weights are right")


_CHECKS: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
    ("Python", _python),
    ("libraries", _libraries),
    ("device", _device),
    ("data sets", _data_sets),
    ("home folder", _home),
    ("run store", _store),
    ("bundled networks", _zoo),
)
