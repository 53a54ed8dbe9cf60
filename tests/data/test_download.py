"""The download against a server on this machine, with small archives of its own."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from filelock import FileLock

from explorer._torchvision import torchvision
from explorer.data import load
from explorer.errors import DataError

Behaviour = Literal["whole", "cut", "other", "absent", "no length", "cut chunks"]
Tiny = Callable[..., dict[str, np.ndarray]]

IMAGES = "train-images-idx3-ubyte"


class Mirror:
    """Serves ``archives`` by name; ``behaviour`` says how, for all files or by name."""

    def __init__(self, archives: dict[str, bytes]) -> None:
        self.archives = archives
        self.behaviour: Behaviour | dict[str, Behaviour] = "whole"
        self.asked: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                mirror.asked.append(name.removesuffix(".gz"))
                mirror.answer(self, name)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, name: str) -> None:
        behaviour = self.behaviour if isinstance(self.behaviour, str) else self.behaviour.get(name[:-3], "whole")
        body = self.archives[name]
        if behaviour == "absent":
            handler.send_error(404)
            return
        handler.send_response(200)
        if behaviour == "cut chunks":
            handler.protocol_version = "HTTP/1.1"
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            handler.wfile.write(b"ffff\r\n" + body[:100])
            return
        if behaviour != "no length":
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if behaviour == "other":
            body = bytes(len(body))
        handler.wfile.write(body[: len(body) // 2] if behaviour == "cut" else body)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mirrors(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Mirror, Mirror]]:
    """Two mirrors of a small MNIST, which torchvision takes for its own."""
    tiny(tmp_path / "origin")
    files = sorted((tmp_path / "origin/MNIST/raw").iterdir(), reverse=True)  # as torchvision: training images first
    archives = {f"{path.name}.gz": gzip.compress(path.read_bytes()) for path in files}
    monkeypatch.setattr(
        torchvision.datasets.MNIST,
        "resources",
        [(name, hashlib.md5(body).hexdigest()) for name, body in archives.items()],  # noqa: S324
    )
    first, second = Mirror(archives), Mirror(archives)
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [first.url, second.url])
    yield first, second
    first.close()
    second.close()


@pytest.fixture
def raw(home: Path) -> Path:
    return home / "data/MNIST/raw"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_download_fills_the_users_folder_and_reports_its_progress(
    mirrors: tuple[Mirror, Mirror], raw: Path, tmp_path: Path
) -> None:
    reports: list[tuple[str, float]] = []
    dataset = load("mnist", download=True, progress=lambda message, share: reports.append((message, share)))
    assert len(dataset.train) == 60
    assert contents(raw) == contents(tmp_path / "origin/MNIST/raw")
    shares = [share for _, share in reports]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert len(set(shares)) > 4
    assert reports[0][0].startswith("Downloading MNIST: train-images-idx3-ubyte")
    assert reports[-1][0] == "MNIST is complete"
    assert len(mirrors[0].asked) == 4
    assert mirrors[1].asked == []


def test_what_is_there_is_not_downloaded_again(mirrors: tuple[Mirror, Mirror], tiny: Tiny, raw: Path) -> None:
    tiny(raw.parents[1], seed=9)
    kept = contents(raw)
    load("mnist", download=True)
    assert contents(raw) == kept
    assert mirrors[0].asked == []


def test_files_in_the_chosen_folder_make_a_download_needless(
    mirrors: tuple[Mirror, Mirror], tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny(tmp_path / "lab")
    monkeypatch.setenv("KERNELSCOPE_DATA", str(tmp_path / "lab"))
    assert len(load("mnist", download=True).train) == 60
    assert mirrors[0].asked == []


def test_a_given_folder_is_where_a_download_goes(mirrors: tuple[Mirror, Mirror], tmp_path: Path, raw: Path) -> None:
    load("mnist", data_dir=tmp_path / "given", download=True)
    assert contents(tmp_path / "given/MNIST/raw") == contents(tmp_path / "origin/MNIST/raw")
    assert not raw.exists()


def test_missing_and_damaged_files_are_fetched_and_whole_ones_stay(
    mirrors: tuple[Mirror, Mirror], tiny: Tiny, raw: Path, tmp_path: Path
) -> None:
    tiny(raw.parents[1])
    (raw / IMAGES).write_bytes((raw / IMAGES).read_bytes()[:-1])
    (raw / "t10k-labels-idx1-ubyte").unlink()
    load("mnist", download=True)
    assert sorted(mirrors[0].asked) == ["t10k-labels-idx1-ubyte", IMAGES]
    assert contents(raw) == contents(tmp_path / "origin/MNIST/raw")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("absent", "the server answers 404 Not Found"),
        ("other", "what arrived is another file (wrong checksum)"),
        ("cut", "the connection broke after"),
        ("cut chunks", "IncompleteRead"),
    ],
)
def test_a_mirror_that_fails_is_followed_by_the_next_and_then_explained(
    mirrors: tuple[Mirror, Mirror], raw: Path, behaviour: Behaviour, reason: str
) -> None:
    mirrors[0].behaviour = mirrors[1].behaviour = {"t10k-images-idx3-ubyte": behaviour}
    with pytest.raises(DataError) as caught:
        load("mnist", download=True)
    sentence = str(caught.value)
    assert sentence.count(reason) == 2
    assert mirrors[0].url in sentence
    assert mirrors[1].url in sentence
    assert "Check the internet connection and try again" in sentence
    assert not {name for name in contents(raw) if "t10k-images" in name or "part" in name}
    assert len(load("mnist").train) == 4_000  # half a download is none

    mirrors[1].behaviour = "whole"
    assert len(load("mnist", download=True).train) == 60


def test_a_server_that_does_not_say_the_length_is_read_to_the_end(mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].behaviour = "no length"
    assert len(load("mnist", download=True).train) == 60
    assert mirrors[1].asked == []


def test_without_any_connection_the_sentence_says_so(mirrors: tuple[Mirror, Mirror], raw: Path) -> None:
    for mirror in mirrors:
        mirror.close()
    with pytest.raises(DataError, match=r"could not be downloaded .*refused.*Check the internet connection"):
        load("mnist", download=True)
    assert contents(raw) == {}


class CancelledError(Exception):
    pass


@pytest.mark.parametrize("moment", [1, 2, 4, 7])
def test_a_download_is_cancelled_by_raising(mirrors: tuple[Mirror, Mirror], raw: Path, moment: int) -> None:
    calls = 0

    def cancel(_message: str, _share: float) -> None:
        nonlocal calls
        calls += 1
        if calls == moment:
            raise CancelledError

    with pytest.raises(CancelledError):
        load("mnist", download=True, progress=cancel)
    assert not [name for name in contents(raw) if name.endswith(".part")]
    finished = len(contents(raw))
    assert finished < 4
    mirrors[0].asked.clear()
    load("mnist", download=True)
    assert len(mirrors[0].asked) == 4 - finished


def test_a_second_download_at_the_same_time_is_told_to_wait(mirrors: tuple[Mirror, Mirror], raw: Path) -> None:
    raw.mkdir(parents=True)
    with FileLock(raw / ".download.lock"), pytest.raises(DataError, match="is being downloaded already: wait"):
        load("mnist", download=True)
    assert mirrors[0].asked == []


def test_a_folder_that_cannot_be_written_is_named(mirrors: tuple[Mirror, Mirror], home: Path) -> None:
    home.mkdir()
    (home / "data").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot be written to .*data/MNIST/raw .*KERNELSCOPE_HOME"):
        load("mnist", download=True)


def test_a_disk_that_fills_up_is_told_from_a_bad_connection(
    mirrors: tuple[Mirror, Mirror], raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(DataError, match=r"cannot be written to .*No space left on device.*make room"):
        load("mnist", download=True)
    assert contents(raw) == {}
    assert mirrors[1].asked == []
