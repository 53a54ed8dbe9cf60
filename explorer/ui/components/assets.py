"""How a component's script reaches the browser: once, as a file, instead of with every update.

Streamlit sends a component's whole script along with each change of its data, which for a curve that is refreshed
every second would weigh more than the curve. So the script that Streamlit gets only fetches the real one from the
static folder next to the app's script, under a name that changes with its content.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.figures import theme

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
# Streamlit's static files carry no Cache-Control. Browsers then keep a file for a tenth of its age, so the files are
# given an old date: their names change with their content, hence they can be kept for long.
OLD = 1_577_836_800.0  # 1 January 2020

LOADER = """
let module;
export default async (component) => {
  const script = document.querySelector('script[type="module"][src*="static/js/"]');
  const root = script ? new URL("../../", script.src) : new URL("./", document.baseURI);
  try {
    module ??= await import(new URL("app/static/FILE", root));
  } catch (error) {
    console.warn(error);
    component.parentElement.querySelector(".ks-fault").hidden = false;
    return;
  }
  return module.default(component, new URL("app/static/", root));
};
"""
FAULT = (
    '<p class="ks-fault" role="alert" hidden>This part of the page could not be loaded. Reload the page; if that does '
    "not help, the server cannot write the folder static/ next to the app.</p>"
)


def text(name: str) -> str:
    """The text of a file that lies beside this module."""
    return (HERE / name).read_text("utf-8")


@dataclass(frozen=True)
class Script:
    """A component's script as a static file: its name with a hash of the content, and the content."""

    file: str
    content: str

    @property
    def loader(self) -> str:
        """The short script that Streamlit gets in its place."""
        return LOADER.replace("FILE", self.file)

    def publish(self) -> None:
        """Writes the file where it is missing. To be called when a page mounts the component."""
        publish(self.file, lambda: self.content)


def script(*names: str, **given: Any) -> Script:
    """The JavaScript files ``names`` from beside this module as one module, with ``const GIVEN = {…}`` in front. It is
    called like the last one."""
    content = "\n".join([f"const GIVEN = {json.dumps(given)};", *map(text, names)])
    stem, _, suffix = names[-1].rpartition(".")
    return Script(f"{stem}-{hashlib.sha256(content.encode()).hexdigest()[:12]}.{suffix}", content)


def palettes() -> dict[str, Any]:
    """What the components need of the theme: both themes' scales, brightness included."""
    return {
        name: {"signed": palette.signed, "sequential": palette.sequential, "brightness": ("#000000", "#ffffff")}
        for name, palette in (("light", theme.LIGHT), ("dark", theme.DARK))
    }


def publish(file: str, content: Callable[[], str]) -> None:
    """Writes ``static/FILE`` next to the app's script unless it exists, whole or not at all.

    Outside of a running app, and where the folder cannot be written, nothing happens; the browser then says so.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return
    path = Path(context.main_script_path).parent / "static" / file
    if path.exists():
        return
    try:
        path.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
            whole = Path(folder) / file
            whole.write_text(content(), "utf-8")
            os.utime(whole, (OLD, OLD))
            whole.replace(path)
    except OSError:
        log.warning("static/%s could not be written: charts and walls will not show", file, exc_info=True)
