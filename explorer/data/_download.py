"""The download of a data set's raw files: torchvision's mirrors and checksums, with progress, and cancellable.

torchvision's own download reports to a progress bar in the terminal only, waits for a silent server without limit,
and leaves a damaged file behind. Here a file appears under its name only when it is whole and its checksum is right.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import ssl
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from explorer.data import _raw
from explorer.data.cards import DataCard
from explorer.errors import DataError

Progress = Callable[[str, float], None]

_SILENCE_SECONDS = 20.0
_CHUNK_BYTES = 1 << 16


def fetch(card: DataCard, root: Path, progress: Progress | None = None) -> None:
    """Downloads the files that are missing or damaged below ``root``; whole ones stay.

    ``progress`` gets a message and the share of the whole that is done, 0 to 1; what it raises (anything but an
    OSError) cancels the download and leaves nothing half written. Raises DataError where no mirror gives the right
    file, where the disk refuses it, and while another process is downloading the same.
    """
    report = progress or (lambda _message, _fraction: None)
    folder = _raw.folder(root, card)
    sizes = _raw.files(card)
    wanted = [name for name in sizes if not _whole(folder / name, card)]
    if not wanted:
        return
    from filelock import FileLock, Timeout

    from explorer._torchvision import torchvision

    source = getattr(torchvision.datasets, _raw.CLASSES[card.name])
    checksums: dict[str, str] = {name.removesuffix(".gz"): md5 for name, md5 in source.resources}
    done, total = 0, sum(sizes[name] for name in wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".download.lock", timeout=0):
            for name in wanted:
                urls = [f"{mirror}{name}.gz" for mirror in source.mirrors]

                def part(message: str, fraction: float, done: int = done, size: int = sizes[name]) -> None:
                    report(f"Downloading {card.title}: {message}", (done + size * fraction) / total)

                _file(card, urls, checksums[name], folder / name, part)
                done += sizes[name]
    except Timeout:
        raise DataError(f"{card.title} is being downloaded already: wait until that has finished") from None
    except OSError as error:
        raise DataError(
            f"{card.title} cannot be written to {folder} ({error.strerror or error}): make room there, "
            "or set KERNELSCOPE_HOME to a folder that can be written"
        ) from error
    report(f"{card.title} is complete", 1.0)


def _whole(path: Path, card: DataCard) -> bool:
    try:
        return bool(_raw.dimensions(path, card))
    except DataError:
        return False


def _file(card: DataCard, urls: list[str], md5: str, target: Path, report: Progress) -> None:
    """One file from the first mirror that has it, unpacked to ``target``."""
    packed, unpacked = target.with_name(f"{target.name}.gz.part"), target.with_name(f"{target.name}.part")
    reasons = []
    for url in urls:
        try:
            if _receive(url, packed, report) != md5:
                reasons.append(f"{url}: what arrived is another file (wrong checksum)")
                continue
            with gzip.open(packed) as source, unpacked.open("wb") as file:
                shutil.copyfileobj(source, file)
            unpacked.replace(target)
            return
        except HTTPError as error:
            reasons.append(f"{url}: the server answers {error.code} {error.reason}")
            error.close()
        except (URLError, ConnectionError, TimeoutError, ssl.SSLError, HTTPException) as error:
            reasons.append(f"{url}: {getattr(error, 'reason', None) or error}")
        finally:
            packed.unlink(missing_ok=True)
            unpacked.unlink(missing_ok=True)
    raise DataError(
        f"{card.title} could not be downloaded ({'; '.join(reasons)}). Check the internet connection and try again, "
        f"or put its four files into {target.parent} by hand"
    )


def _receive(url: str, path: Path, report: Progress) -> str:
    """Saves what the address gives and returns its MD5. Raises HTTPException if less arrives than was announced."""
    name = url.rpartition("/")[2]
    digest = hashlib.md5(usedforsecurity=False)
    report(name, 0.0)
    request = Request(url, headers={"User-Agent": "kernelscope"})  # noqa: S310 (the addresses are torchvision's)
    with urlopen(request, timeout=_SILENCE_SECONDS) as response, path.open("wb") as file:  # noqa: S310
        length, received = response.length, 0
        while chunk := response.read(_CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            if length:
                report(f"{name}, {received / 1e6:.1f} of {length / 1e6:.1f} MB", received / length)
            else:
                report(f"{name}, {received / 1e6:.1f} MB", 0.0)
    if length is not None and received < length:
        raise HTTPException(f"the connection broke after {received:,} of {length:,} bytes")
    return digest.hexdigest()
