"""`advisor estimate`: memory, hours and money of tuning, before anything is rented."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from advisor.artifacts import FILES, Origin, RunFolder, digest_of, document, today
from advisor.catalog.query import LOCAL, find_model
from advisor.cli.options import FiniteRange, run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.errors import InputError
from advisor.market import estimated
from advisor.schema.estimate import Estimate, EstimateRequest
from advisor.schema.profile import MachineFacts
from advisor.schema.run import SETTINGS_FILE

PLAN_FLAGS = (
    "rank",
    "alpha",
    "target_modules",
    "batch_size",
    "grad_accum",
    "seq_len",
    "examples",
    "tokens",
    "epochs",
    "learning_rate",
    "precision",
    "optimizer",
    "gradient_checkpointing",
    "loss_head",
    "gpus",
    "strategy",
    "budget_usd",
    "max_hours",
    "objective",
)


class Money(click.ParamType[Decimal]):
    """An amount of dollars, read exactly."""

    name = "usd"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """The amount; a usage error for anything else."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"'{value}' is no amount of money.", param, ctx)
        if not amount.is_finite() or amount < 0:
            self.fail(f"'{value}' is no amount of money.", param, ctx)
        return amount


def plan_options(function: Any) -> Any:
    """Options that fix values of the plan; what is not given comes from the recipe."""
    count, positive = click.IntRange(min=1), FiniteRange(min=0, min_open=True)
    precisions = click.Choice(["float32", "bfloat16", "float16"])
    strategies = click.Choice(["single", "ddp", "zero1", "zero2", "zero3", "fsdp"])
    added = [
        click.option("--objective", default="sft", show_default=True, help="What is optimised."),
        click.option("--rank", type=count, help="Rank of the adapters."),
        click.option("--alpha", type=positive, help="Scale of the adapters (default: twice rank)."),
        click.option("--target-modules", help="all-linear, or names such as q_proj,v_proj."),
        click.option("--batch-size", type=count, help="Sequences per device and step."),
        click.option("--grad-accum", type=count, help="Steps gathered before an update."),
        click.option("--seq-len", type=count, help="Tokens per sequence."),
        click.option("--examples", type=count, help="Training samples."),
        click.option("--tokens", type=count, help="Training tokens of one epoch."),
        click.option("--epochs", type=positive, help="Passes over the samples."),
        click.option("--learning-rate", type=positive, help="Peak learning rate."),
        click.option("--precision", type=precisions, help="Precision of the base weights."),
        click.option("--optimizer", help="Name as in transformers, for example adamw_8bit."),
        click.option(
            "--gradient-checkpointing/--no-gradient-checkpointing",
            default=None,
            help="Recompute activations instead of keeping them.",
        ),
        click.option(
            "--loss",
            "loss_head",
            type=click.Choice(["stock", "fused", "chunked", "fused_linear"]),
            help="Loss tile by tile (TRL), or from all logits at once.",
        ),
        click.option("--gpus", type=count, default=1, show_default=True, help="How many GPUs."),
        click.option("--strategy", type=strategies, help="How several GPUs share the work."),
        click.option("--budget-usd", type=Money(), help="Recommend nothing dearer."),
        click.option("--max-hours", type=positive, help="Recommend nothing slower."),
    ]
    for option in reversed(added):
        function = option(function)
    return function


@click.command(name="estimate")
@click.option(
    "--model",
    help="Size (7b), catalog name, hub id in the local cache, folder or config.json "
    "(default with --run-dir: the run's).",
)
@click.option(
    "--method", "methods", multiple=True, help="Repeatable (default: full, lora and qlora)."
)
@plan_options
@click.option(
    "--gpu", "gpu_names", multiple=True, help="Repeatable; 'local' is this machine (default: all)."
)
@click.option("--provider", help="Prices of one provider only.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day of the prices (default: today)."
)
@click.option("--explain", is_flag=True, help="Every term with formula, inputs and source.")
@run_dir_option
@standard_options
def command(
    *, screen: Screen, run_dir: Path | None, model: str | None, explain: bool, **flags: Any
) -> None:
    """Estimate memory, hours and money of tuning a model, method beside method.

    Without --gpu the catalog is ranked; the cheapest option that fits comes first.
    """
    is_run = run_dir is not None and (run_dir / SETTINGS_FILE).is_file()
    result, shown = (
        _of_run(screen, run_dir or Path(), model, flags)
        if is_run
        else _alone(run_dir, model, flags)
    )
    if run_dir is not None:
        screen.note(f"Written: {run_dir / FILES['estimate']}")
    from advisor.render.estimate import show_estimate, show_terms  # noqa: PLC0415 - rich is slow

    def show() -> None:
        show_estimate(screen.console, result)
        if explain:
            show_terms(screen.console, result)

    screen.result(shown, show)


def _alone(
    run_dir: Path | None, model: str | None, flags: dict[str, Any]
) -> tuple[Estimate, dict[str, Any]]:
    """An estimate of a model by itself, kept in a folder when one is named."""
    if model is None:
        msg = "Missing option '--model'."
        raise click.UsageError(msg)
    request = EstimateRequest(
        as_of=flags["as_of"].date().isoformat() if flags["as_of"] else today(),
        machine=_measured() if LOCAL in flags["gpu_names"] else MachineFacts(),
        **given_values(flags),
    )
    card = find_model(model)
    result = estimated(request, model=card, gpus=flags["gpu_names"], provider=flags["provider"])
    if run_dir is None:
        return result, document(result)
    folder = RunFolder(run_dir)
    inputs = {"request": digest_of(request.model_dump(mode="json")), "model_name": model}
    folder.write(result, Origin(stage="estimate", inputs=inputs, prices_as_of=request.as_of))
    return result, folder.raw("estimate")


def _of_run(
    screen: Screen, run_dir: Path, model: str | None, flags: dict[str, Any]
) -> tuple[Estimate, dict[str, Any]]:
    """The run's estimate again: its model, data and machine, with what the flags change."""
    from advisor.cli.settings import open_run  # noqa: PLC0415 - the whole pipeline is slow to load

    pipeline = open_run(screen, run_dir, {}, start=False)
    if model is not None and model != pipeline.settings.model:
        raise InputError(
            f"This run works on the model '{pipeline.settings.model}', not on '{model}'.",
            hint="Leave --model out, or leave --run-dir out.",
            where=str(run_dir),
        )
    changes = given_values(flags)
    if flags["as_of"]:
        changes["as_of"] = flags["as_of"].date().isoformat()
    result = pipeline.estimate(changes, gpus=flags["gpu_names"], provider=flags["provider"])
    return result, pipeline.folder.raw("estimate")


def given_values(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given, under the request's names."""
    given = {name: flags[name] for name in PLAN_FLAGS if flags[name] is not None}
    if flags["methods"]:
        given["methods"] = tuple(dict.fromkeys(flags["methods"]))
    return given


def _measured() -> MachineFacts:
    from advisor.stages.profile.hardware import measure_machine  # noqa: PLC0415 - only for local

    return measure_machine()
