"""`python -m explorer …`: the same functions that the pages call, for teachers, servers, scripts and benches.

Exit status: 0, 1 where an item failed, 2 for wrong use. With ``--json`` standard output holds one JSON object a line
and nothing else.
"""

from __future__ import annotations

import typer

from explorer.commands import datasets, imports, inference, runs, train, upkeep

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Kernelscope: shape a convolutional network, train it on real images, look inside.",
)
app.command()(upkeep.doctor)
app.command()(upkeep.data)
app.command()(train.train)
app.command()(inference.evaluate)
app.command()(inference.compare)
app.command()(inference.predict)
app.command("import")(imports.import_)
app.add_typer(runs.app, name="runs")
app.add_typer(datasets.app, name="datasets")
app.add_typer(upkeep.zoo_app, name="zoo")
