"""`advisor export`: the tuned model in another form, checked against what was evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.artifacts import document
from advisor.cli.errors import DONE, VERIFICATION_FAILED
from advisor.cli.interrupt import interruptible
from advisor.cli.measuring_options import looks_secret
from advisor.cli.options import required_run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run
from advisor.errors import InputError

if TYPE_CHECKING:
    from advisor.schema.export import ExportRecord


@click.command(name="export")
@required_run_dir_option
@click.option(
    "--to",
    required=True,
    metavar="FORM",
    help="merged, quantised, gguf, ollama, vllm; axolotl, llamafactory, trl (recipes); card.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="New or empty folder (default: exports/FORM in the run folder).",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    help="Option of the form, KEY=VALUE (dtype=bfloat16, quantisation=q8_0); repeatable.",
)
@click.option("--name", default="", help="What it is served as (default: the run's name).")
@click.option(
    "--check",
    type=click.IntRange(1),
    help="At most so many test samples are asked of both (default: 100).",
)
@click.option("--no-check", is_flag=True, help="Export without asking whether it is the same.")
@click.option(
    "--check-at", default="", metavar="URL", help="Check a running server that serves the export."
)
@click.option(
    "--served-as", default="", help="The model's name at that server (default: as --name)."
)
@click.option("--anyway", default="", metavar="REASON", help="Export a model that was not kept.")
@standard_options
@click.pass_context
def command(ctx: click.Context, /, *, screen: Screen, run_dir: Path, **given: Any) -> None:
    """Write the tuned model in another form, and check that it is what was evaluated.

    The export and the evaluated model are asked the same test samples, and must agree: answers,
    score, chat template and stop tokens. Exit code 5 where they do not.
    """
    _refuse(given)
    from advisor.checking import ExportWish  # noqa: PLC0415 - the stages are slow to load
    from advisor.exporting import export_run  # noqa: PLC0415 - the same

    wish = ExportWish(
        to=given["to"],
        out=given["out"],
        options=dict(_pair(text) for text in given["options"]),
        check=0 if given["no_check"] else given["check"],
        check_at=given["check_at"],
        served_as=given["served_as"],
        anyway=given["anyway"].strip(),
        name=given["name"],
    )
    pipeline = open_run(screen, run_dir, {}, start=False)
    with interruptible(screen.command_line()):
        record = export_run(pipeline, wish)
    screen.result(document(record), lambda: _show(screen, record))
    agreement = record.agreement
    is_other = agreement is not None and agreement.verdict == "different"
    ctx.exit(VERIFICATION_FAILED if is_other else DONE)


def _show(screen: Screen, record: ExportRecord) -> None:
    from advisor.render.export import show_export  # noqa: PLC0415 - rich is slow to load

    show_export(screen.console, record)


def _refuse(given: dict[str, Any]) -> None:
    """Raise for options that contradict each other, and for a secret that would be kept."""
    if given["no_check"] and (given["check"] or given["check_at"]):
        other = "--check" if given["check"] else "--check-at"
        msg = f"--no-check and {other} contradict each other."
        raise click.UsageError(msg)
    if given["served_as"] and not given["check_at"]:
        msg = "--served-as says nothing without --check-at URL."
        raise click.UsageError(msg)
    if looks_secret(given["anyway"]):
        raise InputError(
            "--anyway holds what looks like a key or a password, and would be kept.",
            hint="Take it out, or write a stand-in such as [key].",
        )


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key.strip() and equals):
        raise InputError(
            f"--option '{text}' is not KEY=VALUE.",
            hint="Write, for example, --option dtype=bfloat16.",
        )
    return key.strip(), value.strip()
