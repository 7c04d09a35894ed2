"""A whole plan in words: every value, who set it, why, and on what the reason rests."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from advisor import registry
from advisor.catalog.load import catalog_root, read
from advisor.catalog.query import reference
from advisor.schema.catalog import Recipe
from advisor.schema.estimate import Option, PlanPreview, ServicePreview
from advisor.schema.plan import Plan, PlanLine
from advisor.schema.rule import Rule, Rulebook
from advisor.schema.run import RunSettings
from advisor.stages.estimate.plan.refusals import untaken_fields

RECIPE, RULE, OBJECTIVE, STACK = "recipe ", "rule ", "objective ", "stack "
OPTION = "method_options."
_NOT_LINES = ("reasons", "method_options", "experts")
_ASKED = {
    "model": "--model",
    "method": "the advice, or --method",
    "objective": "the advice and the data, or --objective",
    "gpu": "--gpu",
    "gpus": "--gpus",
    "seed": "--seed",
}
_USUAL = {
    "base_bits": "follows from precision and packing of the base",
    "quantisation": "follows from the method",
    "double_quantisation": "counts for 4-bit bases alone",
    "matmul_bits": "float8 products are a matter of special cards",
    "compute_precision": "follows from the precision of the weights",
    "trained_precision": "what the method trains is kept so",
    "unquantised_precision": "as what is packed is opened",
    "dropout": "follows from the method",
    "loss_head": "the engine's own: the logits are never held at once",
    "attention": "comes with torch and keeps packed rows apart",
    "stack": "the engine that trains here",
    "packing": "rows are not much shorter than a sequence, or are not counted, or few",
    "mean_sequence_length": "counted in the data",
    "padding_share": "counted in the data",
    "generated_tokens": "nothing is drawn while training",
    "max_gradient_norm": "the engine's own",
    "weight_decay": "the engine's own",
    "length_grouping": "batches drawn at random hold little filling, or are not counted",
    "general_share": "no general data is given (--general-data)",
    "evaluations": "the dev split is looked at before and after training",
    "choose_checkpoint_by": "the engine's own",
    "nodes": "one machine",
    "strategy": "follows from the number of GPUs",
    "offload": "everything stays on the device",
    "schedule": "the engine's own",
    "warmup_share": "the engine's own",
}
"""Why a field has its value where neither recipe, rule, objective nor user set it."""
_ELSE = "nothing speaks for another value"


def plan_preview(option: Option, rulebook: Rulebook, command: Sequence[str]) -> PlanPreview:
    """The option with its plan in words and what will be looked at before the first step."""
    values = {name: getattr(option, name) for name in Option.model_fields}
    return PlanPreview(
        **values,
        lines=plan_lines(option.plan, rulebook),
        checks=tuple(_checks(option)),
        command=shlex.join(command),
    )


def untaken(settings: RunSettings, plan: Plan) -> tuple[str, ...]:
    """'rank 64 (--rank) is not used: full cannot take it.', one sentence for each such value."""
    info = registry.method(plan.method).info
    return tuple(
        f"{field} {settings.plan[field]} ({settings.plan_from.get(field, '--set')}) is not used:"
        f" {info.id} cannot take it."
        for field in untaken_fields(settings.plan, info)
    )


def service_preview(
    plan: Plan,
    *,
    fixed: Mapping[str, object],
    trainer: str,
    counts: tuple[int, int],
    bill: str,
    command: Sequence[str],
) -> ServicePreview:
    """What a service is asked for; `fixed` are the user's plan values, `counts` train and dev."""
    named: dict[str, object] = {
        "model": plan.model,
        "objective": plan.objective,
        "method": plan.method,
    }
    named |= {field: getattr(plan, field) for field in fixed}
    named |= {"epochs": plan.epochs, "seed": plan.seed}
    named |= {f"{OPTION}{name}": value for name, value in plan.method_options.items()}
    return ServicePreview(
        plan=plan,
        trainer=trainer,
        train_samples=counts[0],
        dev_samples=counts[1],
        lines=tuple(
            PlanLine(
                field=field,
                value=_plain(value),
                set_by=_ASKED.get(field, "") if field not in fixed else "you",
                why=plan.reasons.get(field, "") if field not in fixed else "",
            )
            for field, value in named.items()
        ),
        bill=bill,
        command=shlex.join(command),
    )


def _checks(option: Option) -> Iterator[str]:
    """What the pre-flight looks at, in the plan's own numbers."""
    plan, needed = option.plan, option.memory.process_gib or option.memory.allocated_gib
    together = plan.micro_batch_size * plan.gradient_accumulation_steps * plan.gpus
    packed = "" if plan.quantisation == "none" else f", packed as {plan.quantisation}"
    yield f"the base model is opened in {plan.precision}{packed}"
    yield (
        f"every row, as it is trained on: template, special tokens, at least one token that counts,"
        f" at most {plan.sequence_length} tokens"
    )
    yield (
        f"two steps on the longest batch: memory against {needed.likely:.2f} GiB"
        f" ({needed.low:.2f} to {needed.high:.2f}); on shortage smaller"
        f" micro-batches, {together} sequences to an update as before"
    )
    yield "room on the disk for the checkpoints, and the device itself"


def plan_lines(plan: Plan, rulebook: Rulebook) -> tuple[PlanLine, ...]:
    """One line for every field of the plan and every option of its method, in the plan's order."""
    recipes = {recipe.id: recipe for recipe in reference(plan.stack).recipes}
    rules = {rule.id: rule for rule in rulebook.rules}
    titles = _catalog_titles() | {source.id: source.title for source in rulebook.sources}
    values = {f: getattr(plan, f) for f in type(plan).model_fields if f not in _NOT_LINES}
    values |= {f"{OPTION}{name}": value for name, value in plan.method_options.items()}
    return tuple(
        _line(field, value, plan, recipes=recipes, rules=rules, titles=titles)
        for field, value in values.items()
    )


@cache
def _catalog_titles() -> dict[str, str]:
    """Titles of what catalog and recipes rest on."""
    table = read(catalog_root() / "sources.yaml").nodes("sources")
    return {entry.text("id"): entry.text("title") for entry in table}


def _line(
    field: str,
    value: object,
    plan: Plan,
    *,
    recipes: Mapping[str, Recipe],
    rules: Mapping[str, Rule],
    titles: Mapping[str, str],
) -> PlanLine:
    by = plan.reasons.get(field, "")
    why, sources = "", ()  # type: tuple[str, tuple[str, ...]]
    if by.startswith(RECIPE) and by.removeprefix(RECIPE) in recipes:
        setting = recipes[by.removeprefix(RECIPE)].settings.get(field)
        if setting is not None:
            why, sources = setting.why, (titles.get(setting.source, setting.source),)
    elif by.startswith(RULE) and by.removeprefix(RULE) in rules:
        rule = rules[by.removeprefix(RULE)]
        why = rule.title
        sources = tuple(titles.get(source.ref, source.ref) for source in rule.sources)
    elif by.startswith(OBJECTIVE):
        why = "what the objective is usually trained with"
    elif by.startswith(STACK):
        why = "what the software does by itself"
    elif not by:
        by, why = _ASKED.get(field, ""), "" if field in _ASKED else _USUAL.get(field, _ELSE)
    return PlanLine(field=field, value=_plain(value), set_by=by, why=why, sources=sources)


def _plain(value: object) -> bool | int | float | str | None:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
