"""`advisor catalog`: the models, GPUs and dated prices that estimates are made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from advisor.artifacts import document, today
from advisor.catalog import query
from advisor.catalog.refresh import NAMES
from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import FiniteRange, standard_options
from advisor.cli.screen import Screen
from advisor.schema.catalog import CatalogView

PARTS = ("gpus", "models", "prices", "hosted")


@click.group(name="catalog")
def command() -> None:
    """Models, GPUs and dated prices behind every estimate."""


@command.command(name="show")
@click.argument("part", type=click.Choice(PARTS), default="gpus")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day of the prices (default: today)."
)
@unused_run_dir_option
@standard_options
def show(*, screen: Screen, part: str, as_of: datetime | None) -> None:
    """List gpus (default), models, prices of GPUs, or hosted prices per token."""
    day = as_of.date().isoformat() if as_of else today()
    view = CatalogView(
        part=part,
        prices_as_of=day,
        gpus=query.gpus() if part == "gpus" else (),
        models=query.models() if part == "models" else (),
        offers=query.all_offers(day) if part == "prices" else (),
        hosted=query.hosted_tuning(day) if part == "hosted" else (),
        inference=query.inference_prices(day) if part == "hosted" else (),
    )
    from advisor.render.catalog import show_catalog  # noqa: PLC0415 - rich is slow to load

    screen.result(document(view), lambda: show_catalog(screen.console, view))


@command.command(name="refresh")
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=click.Choice(NAMES),
    help="Fetch from this one only; repeatable (default: all).",
)
@click.option(
    "--url",
    "urls",
    multiple=True,
    metavar="SOURCE=URL",
    envvar="ADVISOR_PRICE_URLS",
    show_envvar=True,
    help="A mirror of a source; repeatable.",
)
@click.option(
    "--timeout",
    type=FiniteRange(min=0, min_open=True),
    default=20.0,
    show_default=True,
    help="Seconds to wait for an answer.",
)
@click.option("--forget", is_flag=True, help="Remove every price fetched so far.")
@unused_run_dir_option
@standard_options
def refresh_command(
    *, screen: Screen, sources: Sequence[str], urls: Sequence[str], timeout: float, forget: bool
) -> None:
    """Fetch current prices from open sources, and say what has changed.

    They are appended to your own dated series, beside the catalog that is installed.
    """
    mirrors = _mirrors(urls)
    from advisor.catalog.overlay import forget as forget_all  # noqa: PLC0415 - with the rest below
    from advisor.catalog.refresh.run import refresh  # noqa: PLC0415 - reading the web is slow
    from advisor.render.refresh import show_refresh  # noqa: PLC0415 - rich is slow to load
    from advisor.schema.refresh import CatalogRefresh  # noqa: PLC0415 - only wanted here

    if forget:
        place = forget_all()
        result = CatalogRefresh(
            as_of=today(), kept_in=str(place) if place else "", forgotten=place is not None
        )
    else:
        chosen = tuple(name for name in NAMES if name in sources) or NAMES
        result = refresh(
            today(), sources=chosen, urls=mirrors, timeout_seconds=timeout, told=screen.note
        )
    screen.result(document(result), lambda: show_refresh(screen.console, result, forget=forget))


def _mirrors(urls: Sequence[str]) -> dict[str, str]:
    """Source -> address, from SOURCE=URL."""
    found: dict[str, str] = {}
    for text in urls:
        name, _, url = text.partition("=")
        if name not in NAMES or not url.startswith(("http://", "https://")):
            msg = f"--url takes SOURCE=URL with a source of {', '.join(NAMES)}, got '{text}'."
            raise click.UsageError(msg)
        found[name] = url
    return found
