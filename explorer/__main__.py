"""`python -m explorer`."""

import io
import sys

from explorer.cli import app

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # a console without ✓ shows ? instead of ending with an error

app(prog_name="python -m explorer")
