"""A whole plan in words: every value, who set it, why, and on what the reason rests."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.catalog.query import reference
from advisor.schema.catalog import Recipe
from advisor.schema.plan import Plan, PlanLine
from advisor.schema.rule import Rule, Rulebook

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
_OF_THE_SOFTWARE = "what the software does where nothing else is said"


def plan_lines(plan: Plan, rulebook: Rulebook) -> tuple[PlanLine, ...]:
    """One line for every field of the plan and every option of its method, in the plan's order."""
    recipes = {recipe.id: recipe for recipe in reference(plan.stack).recipes}
    rules = {rule.id: rule for rule in rulebook.rules}
    titles = {source.id: source.title for source in rulebook.sources}
    values = {f: getattr(plan, f) for f in type(plan).model_fields if f not in _NOT_LINES}
    values |= {f"{OPTION}{name}": value for name, value in plan.method_options.items()}
    return tuple(
        _line(field, value, plan, recipes=recipes, rules=rules, titles=titles)
        for field, value in values.items()
    )


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
        by, why = _ASKED.get(field, ""), "" if field in _ASKED else _OF_THE_SOFTWARE
    return PlanLine(field=field, value=_plain(value), set_by=by, why=why, sources=sources)


def _plain(value: object) -> bool | int | float | str | None:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
