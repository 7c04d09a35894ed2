"""`advisor estimate`: memory, hours and money of tuning, before anything is rented."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from advisor.artifacts import Origin, RunFolder, digest_of, document, today
from advisor.catalog.query import LOCAL, find_model
from advisor.cli.options import run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.market import estimated
from advisor.schema.estimate import EstimateRequest
from advisor.schema.profile import MachineFacts

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
    count, positive = click.IntRange(min=1), click.FloatRange(min=0, min_open=True)
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
            type=click.Choice(["fused", "full"]),
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
    required=True,
    help="Size (7b), catalog name, hub id in the local cache, folder or config.json.",
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
    *, screen: Screen, run_dir: Path | None, model: str, explain: bool, **flags: Any
) -> None:
    """Estimate memory, hours and money of tuning a model, method beside method.

    Without --gpu the catalog is ranked; the cheapest option that fits comes first.
    """
    request = request_from(flags)
    card = find_model(model)
    result = estimated(request, model=card, gpus=flags["gpu_names"], provider=flags["provider"])
    if run_dir is None:
        shown = document(result)
    else:
        folder = RunFolder(run_dir)
        folder.write(result, _origin(folder, request, model))
        shown = folder.raw("estimate")
        screen.note(f"Written: {folder.file('estimate')}")
    from advisor.render.estimate import show_estimate, show_terms  # noqa: PLC0415 - rich is slow

    def show() -> None:
        show_estimate(screen.console, result)
        if explain:
            show_terms(screen.console, result)

    screen.result(shown, show)


def request_from(flags: dict[str, Any]) -> EstimateRequest:
    """The request that the flags make; this machine is looked at only when it is asked for."""
    day: datetime | None = flags["as_of"]
    given = {name: flags[name] for name in PLAN_FLAGS if flags[name] is not None}
    if flags["methods"]:
        given["methods"] = tuple(dict.fromkeys(flags["methods"]))
    return EstimateRequest(
        as_of=day.date().isoformat() if day else today(),
        machine=_measured() if LOCAL in flags["gpu_names"] else MachineFacts(),
        **given,
    )


def _measured() -> MachineFacts:
    from advisor.stages.profile.hardware import measure_machine  # noqa: PLC0415 - only for local

    return measure_machine()


def _origin(folder: RunFolder, request: EstimateRequest, model: str) -> Origin:
    return Origin(
        stage="estimate",
        made_from=folder.made_from("profile"),
        inputs={"request": digest_of(request.model_dump(mode="json")), "model": model},
        prices_as_of=request.as_of,
    )
