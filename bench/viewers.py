"""A viewer without a browser: it speaks Streamlit's own protocol, so that many fit on one machine beside the server.

Ten Chromium tabs that draw curves need more than two cores themselves; in a class they are on ten other machines.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect


class Viewer:
    """Opens a page and stays on it, running its fragments again at the intervals that the server asks for, as
    Streamlit's page in a browser does. ``answers`` are the times at which a progress bar came, as the run view has one,
    and ``refreshes`` counts those that said something new: a run that validates has nothing new to say."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._query = parts.query
        self._timers: dict[str, tuple[float, float]] = {}  # fragment → interval, when it is due
        self._script = ""
        self._text = ""
        self._over = threading.Event()
        self.refreshes = 0
        self.answers: list[float] = []
        self.received = 0  # bytes
        self._thread = threading.Thread(target=self._watch, args=(f"ws://{parts.netloc}/_stcore/stream",), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)

    def _watch(self, address: str) -> None:
        with connect(address, subprotocols=["streamlit"], max_size=None) as server:  # type: ignore[list-item]
            self._ask(server)
            while not self._over.is_set():
                due = min((when for _, when in self._timers.values()), default=time.monotonic() + 0.5)
                with suppress(TimeoutError):
                    self._take(server.recv(max(0.0, due - time.monotonic())))
                now = time.monotonic()
                for fragment, (interval, when) in self._timers.items():
                    if when <= now:
                        self._timers[fragment] = (interval, when + interval)
                        self._ask(server, fragment)

    def _ask(self, server: ClientConnection, fragment: str = "") -> None:
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_script_hash = self._script
        if fragment:
            message.rerun_script.fragment_id = fragment
            message.rerun_script.is_auto_rerun = True
        server.send(message.SerializeToString())

    def _take(self, data: bytes | str) -> None:
        self.received += len(data)
        message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
        match message.WhichOneof("type"):
            case "new_session":
                self._script = message.new_session.page_script_hash
            case "auto_rerun":
                asked = message.auto_rerun
                self._timers.setdefault(asked.fragment_id, (asked.interval, time.monotonic() + asked.interval))
            case "stop_auto_rerun":
                for fragment in message.stop_auto_rerun.fragment_ids:
                    self._timers.pop(fragment, None)
            case "delta":
                text = message.delta.new_element.progress.text
                if "images/s" in text:
                    self.answers.append(time.monotonic())
                    if text != self._text:
                        self._text = text
                        self.refreshes += 1
