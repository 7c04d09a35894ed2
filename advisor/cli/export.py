"""`advisor export`: the tuned model in another form, held against what was evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.artifacts import document
from advisor.cli.errors import DONE, VERIFICATION_FAILED
from advisor.cli.interrupt import interruptible
from advisor.cli.measuring_options import looks_secret
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run
from advisor.errors import InputError, ModelFolderError

if TYPE_CHECKING:
    from advisor.schema.export import ExportRecord
    from advisor.shipping.checking import ExportWish

SETTINGS_FILE = "run.json"
"""What tells a run's folder from a model's."""
COMBINATION = "combine.json"


PATH = click.Path(path_type=Path)


class OneSource(click.Command):
    """A command on a run's model or on a model's own folder, never on both or neither."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The words as click reads them; a usage error where the model is left open."""
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            try:
                refuse_unplaced(ctx.params["model"], ctx.params)
            except click.UsageError as error:
                error.ctx = ctx  # whose help is named
                raise
        return rest


@click.command(name="export", cls=OneSource)
@click.argument("model", required=False, type=PATH)
@click.option("--run-dir", type=PATH, help="Run whose tuned model is exported, instead of MODEL.")
@click.option(
    "--to",
    default="",
    metavar="FORM",
    help="merged, quantised, gguf, ollama, vllm; axolotl, llamafactory, trl (recipes); card.",
)
@click.option(
    "--out", type=PATH, help="New or empty folder (default with a run: exports/FORM in it)."
)
@click.option("--instruction", default="", help="System turn that MODEL was tuned with.")
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
@click.option(
    "--check-folder",
    type=PATH,
    help="Hold a folder that is there already against the run's model; nothing is written.",
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
def command(ctx: click.Context, /, *, screen: Screen, model: Path | None, **given: Any) -> None:
    """Write the tuned model in another form, and check that it is what was evaluated.

    The export and the evaluated model are asked the same test samples, and must agree: answers,
    score, chat template and stop tokens. Exit code 5 where they do not. MODEL is a folder that no
    run stands behind, a combination for one; packaged questions are asked then.
    """
    _refuse(model, given)
    from advisor.shipping.checking import ExportWish  # noqa: PLC0415 - the stages are slow to load

    wish = ExportWish(
        to=given["to"],
        out=given["out"],
        options=dict(_pair(text) for text in given["options"]),
        check=0 if given["no_check"] else given["check"],
        check_at=given["check_at"],
        check_folder=given["check_folder"],
        served_as=given["served_as"],
        anyway=given["anyway"].strip(),
        name=given["name"],
        instruction=given["instruction"],
    )
    with interruptible(screen.command_line()):
        record = exported(screen, model, wish, given)
    screen.result(document(record), lambda: _show(screen, record))
    agreement = record.agreement
    is_other = agreement is not None and agreement.verdict == "different"
    ctx.exit(VERIFICATION_FAILED if is_other else DONE)


def exported(
    screen: Screen, model: Path | None, wish: ExportWish, given: dict[str, Any]
) -> ExportRecord:
    """The export of a run's model, or of a model's own folder.

    Raises ModelFolderError for a folder that is none, and what exporting raises.
    """
    from advisor.shipping.exporting import export_run  # noqa: PLC0415 - the stages are slow to load
    from advisor.shipping.exporting_folder import export_folder  # noqa: PLC0415 - the same

    if model is None:
        return export_run(open_run(screen, given["run_dir"], {}, start=False), wish)
    if not model.is_dir():
        raise ModelFolderError(
            f"There is no folder '{model}'.",
            hint="Name the folder of an adapter, or a run by --run-dir.",
            where=str(model),
        )
    if (model / SETTINGS_FILE).is_file():
        raise InputError(
            f"{model} is a run's folder, not a model's.",
            hint=f"Name it by --run-dir {model}.",
            where=str(model),
        )
    return export_folder(
        model.resolve(),
        wish,
        given["out"].resolve(),
        may_spend=screen.yes,
        progress=screen.progress(),
    )


def _show(screen: Screen, record: ExportRecord) -> None:
    from advisor.render.export import show_export  # noqa: PLC0415 - rich is slow to load

    show_export(screen.console, record)


def _refuse(model: Path | None, given: dict[str, Any]) -> None:
    """Raise for options that contradict each other, and for a secret that would be kept."""
    refuse_secret(given["anyway"])
    folder = given["check_folder"]
    if not given["to"] and folder is None:
        msg = "Missing option '--to': the form to export to."
        raise click.UsageError(msg)
    if model is not None and (given["check_at"] or folder is not None):
        msg = "--check-at and --check-folder take a run by --run-dir."
        raise click.UsageError(msg)
    if folder is not None and (given["out"] or given["options"] or given["check_at"]):
        msg = "--check-folder writes nothing: it takes no --out, --option and --check-at."
        raise click.UsageError(msg)
    if given["no_check"] and (given["check"] or given["check_at"] or folder is not None):
        named = {"--check": given["check"], "--check-at": given["check_at"]}
        other = next((option for option, value in named.items() if value), "--check-folder")
        msg = f"--no-check and {other} contradict each other."
        raise click.UsageError(msg)
    if given["served_as"] and not given["check_at"]:
        msg = "--served-as says nothing without --check-at URL."
        raise click.UsageError(msg)


def refuse_unplaced(model: Path | None, given: dict[str, Any]) -> None:
    """Raise for options that leave open what is exported, and whereto."""
    if (model is None) == (given["run_dir"] is None):
        msg = "Name either a folder with an adapter, or a run by --run-dir."
        raise click.UsageError(msg)
    if model is not None and given["out"] is None:
        msg = "Missing option '--out': where to write the model."
        raise click.UsageError(msg)
    if model is None and given["instruction"]:
        msg = "--instruction is the run's own where --run-dir is given."
        raise click.UsageError(msg)
    if model is not None and given["anyway"] and not (model / COMBINATION).is_file():
        msg = "--anyway says nothing without --run-dir or a combination."
        raise click.UsageError(msg)


def refuse_secret(reason: str) -> None:
    """Raise InputError for a reason that would be kept and holds a key or a password."""
    if looks_secret(reason):
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
