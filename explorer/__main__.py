"""`python -m explorer`."""

from explorer.cli import app

app(prog_name="python -m explorer")
