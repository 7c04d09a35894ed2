"""Options that fix how a run tunes: objective, plan, method options, general data, trackers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from advisor.cli.options import FiniteRange
from advisor.cli.plain_values import named_value
from advisor.errors import PlanError

if TYPE_CHECKING:
    from advisor.plan_file.composing import PlanFile
    from advisor.schema.run import RunSettings

F = TypeVar("F", bound=Callable[..., Any])

AUTO = "auto"
"""Value that gives a plan field back to the rules."""
_ASIDE = f"{__name__}.left_aside"
MERGED = ("plan", "plan_from", "method_options")
"""Settings of which a later command changes a part."""
COUNT = click.IntRange(1)
ABOVE = FiniteRange(0, min_open=True)
SHORTHAND = {
    "rank": "rank",
    "alpha": "alpha",
    "target_modules": "target_modules",
    "batch_size": "micro_batch_size",
    "grad_accum": "gradient_accumulation_steps",
    "seq_len": "sequence_length",
    "epochs": "epochs",
    "learning_rate": "learning_rate",
    "packing": "packing",
    "gradient_checkpointing": "gradient_checkpointing",
    "optimizer": "optimizer",
    "precision": "precision",
    "gpus": "gpus",
    "strategy": "strategy",
}
"""Flag -> plan field."""
OWN = (
    *SHORTHAND,
    "plan_path",
    "sets",
    "options",
    "objective",
    "report_to",
    "general_data",
    "gate_override",
)
"""What the options are called before they are settings."""

PLAN_FILE: list[Callable[[Any], Any]] = [
    click.option(
        "--plan",
        "plan_path",
        type=click.Path(path_type=Path),
        help="YAML or JSON in the spelling of TRL, Axolotl, LLaMA-Factory or a plan's own.",
    ),
    click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="KEY=VALUE",
        help="A plan field in any of these spellings; KEY=auto gives it back to the rules.",
    ),
]

OPTIONS: list[Callable[[Any], Any]] = [
    click.option("--objective", help="sft, cpt, dpo, orpo, kto, reward, grpo, classification."),
    *PLAN_FILE,
    click.option(
        "--option",
        "options",
        multiple=True,
        metavar="NAME=VALUE",
        help="What only the method or objective knows (layers=8, beta=0.2). Repeatable.",
    ),
    click.option("--rank", type=COUNT, help="Rank of the adapters."),
    click.option("--alpha", type=ABOVE, help="Scale of the adapters (default: twice the rank)."),
    click.option("--target-modules", help="all-linear, or names such as q_proj,v_proj."),
    click.option("--batch-size", type=COUNT, help="Training sequences per device and step."),
    click.option("--grad-accum", type=COUNT, help="Steps gathered before an update."),
    click.option("--seq-len", type=COUNT, help="Tokens per training sequence."),
    click.option("--epochs", type=ABOVE, help="Passes over the samples."),
    click.option("--learning-rate", type=ABOVE, help="Peak learning rate."),
    click.option("--packing/--no-packing", default=None, help="Join samples to full sequences."),
    click.option(
        "--gradient-checkpointing/--no-gradient-checkpointing",
        default=None,
        help="Recompute activations instead of keeping them.",
    ),
    click.option("--optimizer", help="Name as in transformers, for example adamw_8bit."),
    click.option(
        "--precision",
        type=click.Choice(["float32", "bfloat16", "float16"]),
        help="Precision of the base weights.",
    ),
    click.option("--gpus", type=COUNT, help="GPUs of all machines together."),
    click.option(
        "--strategy",
        type=click.Choice(["single", "ddp", "zero1", "zero2", "zero3", "fsdp", "layer_split"]),
        help="How several GPUs share the work.",
    ),
    click.option("--general-data", help="General samples against forgetting: mixed in, probed."),
    click.option("--report-to", help="Trackers by comma: tensorboard, wandb, mlflow, trackio."),
    click.option(
        "--usd-per-hour",
        type=FiniteRange(0),
        help="What this machine costs: for the bill, and to stop at --budget-usd.",
    ),
    click.option(
        "--override-gate",
        "gate_override",
        metavar="REASON",
        help="Train although the gate does not say so; the reason is kept.",
    ),
]


def tuning_options(function: F) -> F:
    """Add the options; the command receives what they fix under the names of RunSettings.

    Stands outside `settings_options`, which gathers them.
    """

    @functools.wraps(function)
    def wrapped(*args: Any, **given: Any) -> Any:
        own = {name: given.pop(name) for name in OWN}
        fixed = _fixed(own, given)
        return function(*args, **given, **fixed)

    return _with(wrapped, OPTIONS)  # type: ignore[return-value]


def plan_file_options(function: F) -> F:
    """Add --plan and --set alone; the command receives `plan_path` and `sets`."""
    return _with(function, PLAN_FILE)


def _with(function: F, options: Sequence[Callable[[Any], Any]]) -> F:
    for option in reversed(options):
        function = option(function)
    return function


def _fixed(own: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What the options fix: flags over --set over --plan.

    A method or model of the file counts where no flag names one, and then goes from `given`; a
    model only where a run starts, since a later command does not change a run's model.
    """
    fixed = file_values(own["plan_path"], own["sets"], methods=given.get("methods") or ())
    for name, found in _by_flags(own).items():
        fixed[name] = fixed.get(name, {}) | found if isinstance(found, dict) else found
    if not given.get("data"):
        fixed.pop("model", None)
    for name in ("methods", "model"):
        if given.get(name):
            fixed.pop(name, None)
        elif name in fixed:
            given.pop(name, None)
    return fixed


def _by_flags(own: dict[str, Any]) -> dict[str, Any]:
    """What the flags alone fix, under the names of RunSettings."""
    flags = {name: own[name] for name in SHORTHAND if own[name] is not None}
    found: dict[str, Any] = {
        "plan": {SHORTHAND[name]: value for name, value in flags.items()},
        "plan_from": {SHORTHAND[name]: f"--{name.replace('_', '-')}" for name in flags},
        "method_options": dict(named_value(text, "option") for text in own["options"]),
        "objective": (own["objective"] or "").strip().lower(),
        "general_data": own["general_data"],
        "gate_override": own["gate_override"],
    }
    if own["report_to"] is not None:
        found["report_to"] = tuple(n.strip() for n in own["report_to"].split(",") if n.strip())
    return {name: value for name, value in found.items() if value or name == "report_to"}


def file_values(
    path: Path | None, sets: Sequence[str], *, methods: Sequence[str] = ()
) -> dict[str, Any]:
    """What --plan and --set fix, under the names of RunSettings; --set wins.

    `methods`: those named by flags. What a file says that has no place in a plan is told on stderr
    and kept for `left_aside`. Raises PlanError.
    """
    if path is None and not sets:
        return {}
    from advisor.plan_file.reading import read_plan, read_words  # noqa: PLC0415 - only with a plan

    found: dict[str, Any] = {}
    if path is not None:
        file = read_plan(path, method=methods[0] if len(methods) == 1 else None)
        if context := click.get_current_context(silent=True):
            context.meta[_ASIDE] = file.aside
        if file.aside:
            click.echo(f"Left aside of {path.name}:", err=True)
            for line in file.aside:
                click.echo(f"  {line}", err=True)
        found = _values(file, f"--plan {path.name}")
    pairs = [_pair(text) for text in sets]
    kept, given_back = _in_order(pairs)
    for name, value in _values(read_words(kept), "--set").items():
        found[name] = found.get(name, {}) | value if isinstance(value, dict) else value
    for field in given_back:
        found.setdefault("plan", {})[field] = AUTO
    return found


def _in_order(pairs: Sequence[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[str]]:
    """The pairs that fix a value, and the fields that are given back; the later word wins."""
    from advisor.plan_file.reading import read_words  # noqa: PLC0415 - only with a plan

    kept: list[tuple[str, str]] = []
    given_back: list[str] = []
    for key, value in pairs:
        if value.strip().lower() == AUTO:
            field = _field(key)
            kept = [pair for pair in kept if set(read_words([pair]).plan) != {field}]
            given_back = [*(name for name in given_back if name != field), field]
        else:
            kept.append((key, value))
            fixed = read_words([(key, value)]).plan if given_back else {}
            given_back = [name for name in given_back if name not in fixed]
    return kept, given_back


def left_aside() -> tuple[str, ...]:
    """What the command's --plan file says that has no place in a plan, each with the reason."""
    context = click.get_current_context(silent=True)
    return tuple(context.meta.get(_ASIDE, ())) if context else ()


def file_wishes(path: Path | None, sets: Sequence[str]) -> dict[str, Any]:
    """What --plan and --set fix, under the names of an estimate's request, and `model`."""
    found = file_values(path, sets)
    plan = {field: value for field, value in found.get("plan", {}).items() if value != AUTO}
    wishes = {
        "plan_values": plan,
        "told": found.get("plan_from", {}),
        "method_options": found.get("method_options"),
        "objective": found.get("objective"),
        "methods": found.get("methods"),
        "methods_in_line": False if "methods" in found else None,
        "has_general_data": True if "general_data" in found else None,
        "model": found.get("model"),
    }
    return {name: value for name, value in wishes.items() if value or value is False}


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip() or not value.strip():
        raise PlanError(
            f"--set '{text}' is not KEY=VALUE.", hint="Write, for example, --set warmup_ratio=0.1."
        )
    return key.strip(), value


def _field(key: str) -> str:
    """The plan field that a spelling stands for; raises PlanError for none."""
    from advisor.plan_file.reading import spellings  # noqa: PLC0415 - only with a plan
    from advisor.rulebook.reading import suggestion  # noqa: PLC0415

    fields, _ = spellings()
    if key not in fields:
        raise PlanError(
            f"No plan field is spelt '{key}'{suggestion(key, fields)}",
            hint="`advisor train --dry-run` prints every field of a plan.",
        )
    return fields[key]


def _values(file: PlanFile, by: str) -> dict[str, Any]:
    values: dict[str, Any] = {
        "plan": dict(file.plan),
        "plan_from": dict.fromkeys(file.plan, by),
        "method_options": dict(file.method_options),
        "objective": file.objective,
        "methods": (file.method,) if file.method else None,
        "model": file.model,
        "report_to": file.report_to or None,
        "general_data": file.general_data,
    }
    return {name: value for name, value in values.items() if value}


def merged(values: dict[str, Any], earlier: RunSettings | None) -> dict[str, Any]:
    """Values of a later command laid over those of an earlier one; `auto` takes a field away."""
    found = dict(values)
    for name in MERGED:
        if name in found:
            before = getattr(earlier, name) if earlier is not None else {}
            found[name] = before | found[name]
    if "plan" in found:
        kept = {field: value for field, value in found["plan"].items() if value != AUTO}
        by = found.get("plan_from", earlier.plan_from if earlier is not None else {})
        found |= {"plan": kept, "plan_from": {f: by[f] for f in kept if f in by}}
    return found
