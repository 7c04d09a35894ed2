"""`advisor merge`: what was tuned and its base made one whole model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.artifacts import document
from advisor.cli.errors import DONE, VERIFICATION_FAILED
from advisor.cli.export import OneSource, exported, refuse_secret
from advisor.cli.interrupt import interruptible
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen

if TYPE_CHECKING:
    from advisor.schema.export import ExportRecord

FORM = "merged"
PATH = click.Path(path_type=Path)


@click.command(name="merge", cls=OneSource)
@click.argument("model", required=False, type=PATH)
@click.option("--run-dir", type=PATH, help="Run whose tuned model is merged, instead of MODEL.")
@click.option("--out", type=PATH, help="New or empty folder (default with a run: exports/merged).")
@click.option(
    "--dtype",
    type=click.Choice(("float32", "bfloat16", "float16")),
    help="What the weights are in (default: as in the base).",
)
@click.option("--instruction", default="", help="System turn that MODEL was tuned with.")
@click.option(
    "--check",
    type=click.IntRange(1),
    help="At most so many questions are asked of both (default: 100).",
)
@click.option("--no-check", is_flag=True, help="Merge without asking whether it is the same.")
@click.option("--anyway", default="", metavar="REASON", help="Merge a model not kept.")
@standard_options
@click.pass_context
def command(ctx: click.Context, /, *, screen: Screen, model: Path | None, **given: Any) -> None:
    """Merge MODEL, a folder with an adapter, into its unpacked base, in 16 bits or more.

    The merged model and the adapter on its base are asked the same questions, those of the run's
    test part where there is a run, and must agree. Exit code 5 where they do not.
    """
    refuse_secret(given["anyway"])
    if given["no_check"] and given["check"]:
        msg = "--no-check and --check contradict each other."
        raise click.UsageError(msg)
    from advisor.shipping.checking import ExportWish  # noqa: PLC0415 - the stages are slow to load

    wish = ExportWish(
        to=FORM,
        out=given["out"],
        options={"dtype": given["dtype"]} if given["dtype"] else {},
        check=0 if given["no_check"] else given["check"],
        anyway=given["anyway"].strip(),
        instruction=given["instruction"],
    )
    with interruptible(screen.command_line()):
        record = exported(screen, model, wish, given)
    screen.result(document(record), lambda: _show(screen, record))
    agreement = record.agreement
    is_other = agreement is not None and agreement.verdict == "different"
    ctx.exit(VERIFICATION_FAILED if is_other else DONE)


def _show(screen: Screen, record: ExportRecord) -> None:
    from advisor.render.export import show_export  # noqa: PLC0415 - rich is slow to load

    show_export(screen.console, record)
