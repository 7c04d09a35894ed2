"""Options that fix values of a tuning plan; what is not given comes from recipe and catalog."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import click

from advisor.cli.options import FiniteRange
from advisor.cli.plain_values import named_value
from advisor.schema.limits import LARGEST
from advisor.schema.spending import Workload

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
    "compute_precision",
    "trained_precision",
    "double_quantisation",
    "optimizer",
    "gradient_checkpointing",
    "loss_head",
    "attention",
    "stack",
    "quantisation",
    "packing",
    "evaluation_batch_size",
    "generated_tokens",
    "gpus",
    "nodes",
    "offload",
    "strategy",
    "budget_usd",
    "max_hours",
    "prefer",
    "objective",
    "calls_per_month",
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
        if not amount.is_finite() or not 0 <= amount <= Decimal(LARGEST["budget_usd"]):
            self.fail(f"'{value}' is no amount of money.", param, ctx)
        return amount


def plan_options(function: Any) -> Any:
    """Options that fix values of the plan; what is not given comes from the recipe."""
    for option in reversed(
        [*_training_options(), *_kernel_options(), *_device_options(), *_serving_options()]
    ):
        function = option(function)
    return function


def _count(name: str, least: int = 1) -> click.IntRange:
    """A whole number up to the largest that a request may hold under that name."""
    return click.IntRange(min=least, max=int(LARGEST[name]))


def _positive(name: str) -> FiniteRange:
    """A number above nothing, with the same bound."""
    return FiniteRange(min=0, min_open=True, max=LARGEST[name])


def _training_options() -> list[Any]:
    return [
        click.option("--objective", help="What is optimised (default: sft, or what is advised)."),
        click.option("--rank", type=_count("rank"), help="Rank of the adapters."),
        click.option(
            "--alpha", type=_positive("alpha"), help="Scale of the adapters (default: twice rank)."
        ),
        click.option("--target-modules", help="all-linear, or names such as q_proj,v_proj."),
        click.option(
            "--batch-size", type=_count("batch_size"), help="Sequences per device and step."
        ),
        click.option(
            "--grad-accum", type=_count("grad_accum"), help="Steps gathered before an update."
        ),
        click.option("--seq-len", type=_count("seq_len"), help="Tokens per sequence."),
        click.option("--examples", type=_count("examples"), help="Training samples."),
        click.option("--tokens", type=_count("tokens"), help="Training tokens of one epoch."),
        click.option("--epochs", type=_positive("epochs"), help="Passes over the samples."),
        click.option(
            "--learning-rate", type=_positive("learning_rate"), help="Peak learning rate."
        ),
        click.option(
            "--packing/--no-packing", default=None, help="Join samples to full sequences."
        ),
        click.option(
            "--option",
            "method_options",
            multiple=True,
            metavar="NAME=VALUE",
            help="What only the method or objective knows, for example layers=8. Repeatable.",
        ),
    ]


def _kernel_options() -> list[Any]:
    precisions = click.Choice(["float32", "bfloat16", "float16"])
    packed = click.Choice(["none", "nf4", "int8", "gptq", "awq"])
    return [
        click.option("--precision", type=precisions, help="Precision of the base weights."),
        click.option(
            "--compute-precision", type=precisions, help="Autocast to this (float32 weights)."
        ),
        click.option("--trained-precision", type=precisions, help="Precision of trained weights."),
        click.option(
            "--double-quantisation/--no-double-quantisation",
            default=None,
            help="Pack the scales of 4-bit weights too.",
        ),
        click.option("--quantisation", type=packed, help="How a frozen base is packed."),
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
            help="chunked: tile by tile (TRL); stock: all logits; fused: one kernel over all "
            "logits; fused_linear: without logits (Liger).",
        ),
        click.option(
            "--attention",
            type=click.Choice(["eager", "sdpa", "flash"]),
            help="Attention kernel; eager holds all scores.",
        ),
        click.option(
            "--stack", help="Software that runs: stock, peft, unsloth, axolotl, litgpt and others."
        ),
        click.option(
            "--evaluation-batch-size",
            type=_count("evaluation_batch_size"),
            help="Sequences per device in evaluation.",
        ),
        click.option(
            "--generated-tokens",
            type=_count("generated_tokens", 0),
            help="New tokens where evaluation or the objective generates.",
        ),
    ]


def _device_options() -> list[Any]:
    strategies = click.Choice(["single", "ddp", "zero1", "zero2", "zero3", "fsdp", "layer_split"])
    return [
        click.option(
            "--gpus", type=_count("gpus"), default=1, show_default=True, help="All GPUs together."
        ),
        click.option(
            "--nodes", type=_count("nodes"), default=1, help="Machines the GPUs stand in."
        ),
        click.option("--strategy", type=strategies, help="How several GPUs share the work."),
        click.option(
            "--offload",
            type=click.Choice(["none", "optimizer", "weights", "activations"]),
            help="What waits in main memory.",
        ),
        click.option("--budget-usd", type=Money(), help="Recommend nothing dearer."),
        click.option("--max-hours", type=_positive("max_hours"), help="Recommend nothing slower."),
        click.option(
            "--prefer",
            type=click.Choice(["cheapest", "fastest"]),
            help="Which of the plans that fit is recommended (default: cheapest; with a budget "
            "and no time limit, fastest).",
        ),
    ]


def _serving_options() -> list[Any]:
    counts = [
        ("--calls-per-month", "Calls that the tuned model will serve, for break-even."),
        ("--instruction-tokens", "Tokens of the instruction in every call."),
        ("--input-tokens", "Tokens of what is asked."),
        ("--answer-tokens", "Tokens of the answer."),
        ("--shots-tokens", "Tokens of the examples that few-shot shows."),
        ("--passages-tokens", "Tokens of the passages that RAG shows."),
    ]
    return [
        *(
            click.option(name, type=_count(name[2:].replace("-", "_"), 0), help=text)
            for name, text in counts
        ),
        click.option(
            "--months", type=_positive("months"), help="How long it is served (default: 12)."
        ),
        click.option("--large-model", help="What prompting would use (default: gpt-4.1, hosted)."),
        click.option(
            "--concurrent-calls", type=_count("concurrent_calls"), help="Calls answered at a time."
        ),
        click.option(
            "--evaluation-samples",
            type=_count("evaluation_samples"),
            help="Samples of each evaluation.",
        ),
        click.option(
            "--serving-bits", type=click.Choice(["4", "8", "16"]), help="Bits per served weight."
        ),
    ]


_WORKLOAD = (
    "instruction_tokens",
    "input_tokens",
    "answer_tokens",
    "shots_tokens",
    "passages_tokens",
    "months",
    "large_model",
    "concurrent_calls",
    "evaluation_samples",
)


def _workload(flags: dict[str, Any]) -> dict[str, Any]:
    asked = {name: flags[name] for name in _WORKLOAD if flags[name] is not None}
    return asked | ({"bits": int(flags["serving_bits"])} if flags["serving_bits"] else {})


def given_values(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given, under the request's names."""
    given = {name: flags[name] for name in PLAN_FLAGS if flags[name] is not None}
    for name in ("objective", "stack"):
        if name in given:
            given[name] = given[name].lower()
    if flags["methods"]:
        given["methods"] = tuple(dict.fromkeys(name.lower() for name in flags["methods"]))
        given["methods_in_line"] = False
    if flags["method_options"]:
        given["method_options"] = dict(
            named_value(text, "option") for text in flags["method_options"]
        )
    if _workload(flags):
        given["workload"] = Workload(**_workload(flags))
    return given
