"""Where the project keeps things on this machine: two environment variables, and what holds without them."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The folder for runs, caches and downloads: ``KERNELSCOPE_HOME``, or the user's data folder.

    It may not exist yet.
    """
    chosen = os.environ.get("KERNELSCOPE_HOME")
    folder = Path(chosen).expanduser() if chosen else platformdirs.user_data_path("kernelscope", appauthor=False)
    return folder.absolute()


def data_dirs() -> list[Path]:
    """Where data sets are looked for, first to last: ``KERNELSCOPE_DATA`` if set, then ``data`` in :func:`home`.

    Each is a root in torchvision's sense: MNIST's files lie in its ``MNIST/raw``. Downloads go into the last one.
    """
    chosen = os.environ.get("KERNELSCOPE_DATA")
    return [*([Path(chosen).expanduser().absolute()] if chosen else []), home() / "data"]
