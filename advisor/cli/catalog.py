"""`advisor catalog`: the models, GPUs and dated prices that estimates are made from."""

from __future__ import annotations

from datetime import datetime

import click

from advisor.artifacts import document, today
from advisor.catalog import query
from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen
from advisor.schema.catalog import CatalogView


@click.group(name="catalog")
def command() -> None:
    """Models, GPUs and dated prices behind every estimate."""


@command.command(name="show")
@click.argument("part", type=click.Choice(["gpus", "models", "prices"]), default="gpus")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day of the prices (default: today)."
)
@unused_run_dir_option
@standard_options
def show(*, screen: Screen, part: str, as_of: datetime | None) -> None:
    """List gpus (default), models or prices of the catalog."""
    day = as_of.date().isoformat() if as_of else today()
    view = CatalogView(
        part=part,
        prices_as_of=day,
        gpus=query.gpus() if part == "gpus" else (),
        models=query.models() if part == "models" else (),
        offers=query.all_offers(day) if part == "prices" else (),
    )
    from advisor.render.catalog import show_catalog  # noqa: PLC0415 - rich is slow to load

    screen.result(document(view), lambda: show_catalog(screen.console, view))
