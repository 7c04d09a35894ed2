"""Plan fields that the decision's rules fill, between the recipe and what the user fixes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.contracts import MethodInfo
from advisor.schema.catalog import Recipe
from advisor.schema.decide import Setting
from advisor.schema.plan import Plan
from advisor.stages.estimate.plan.packing import adapts, takes

RULE = "rule "
"""How the reason of a field begins that a rule has filled."""
_FAMILIES = {"lora": "lora", "qlora": "lora", "full": "full"}


def suit_advice(
    values: dict[str, Any],
    reasons: dict[str, str],
    settings: Sequence[Setting],
    *,
    recipe: Recipe,
    info: MethodInfo,
) -> None:
    """The settings that this method can take; one for its family wins over one for all.

    A recipe for models below a size stays as it is: the rules rest on models of billions.
    """
    if recipe.below_parameters is not None:
        return
    family = _FAMILIES.get(recipe.method, "")
    for wanted in ("", f"{family}."):
        for setting in settings:
            scope, dot, field = setting.key.rpartition(".")
            if f"{scope}{dot}" == wanted and _is_taken(field, info):
                values[field], reasons[field] = setting.value, f"{RULE}{setting.rule_id}"


def _is_taken(field: str, info: MethodInfo) -> bool:
    if field == "dropout":
        return adapts(info)
    return field in Plan.model_fields and takes(info, field)


def set_by_rules(plan: Plan) -> tuple[str, ...]:
    """'rank 64 (rule rank-for-large-data)' for every field that a rule filled."""
    return tuple(
        f"{field.replace('_', ' ')} {_shown(getattr(plan, field))} ({reason})"
        for field, reason in plan.reasons.items()
        if reason.startswith(RULE)
    )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
