"""What the decision asks of an estimate: methods, limits, and plan fields that its rules fill."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from advisor.contracts import MethodInfo
from advisor.rulebook.ordering import TUNING
from advisor.schema.catalog import Recipe
from advisor.schema.decide import Decision, Setting
from advisor.schema.estimate import Option, Place
from advisor.schema.plan import Plan
from advisor.schema.profile import Profile
from advisor.stages.estimate.plan.packing import takes

RULE = "rule "
"""How the reason of a field begins that a rule has filled."""
_FAMILIES = {
    "lora": "lora",
    "qlora": "lora",
    "full": "full",
    "ia3": "ia3",
    **dict.fromkeys(("prompt", "prefix", "p_tuning"), "prompts"),
}
_OBJECTIVES = {"continued_pretraining": "cpt"}
"""Where an approach has one objective alone; otherwise a rule sets it."""


def wishes_of(decision: Decision, profile: Profile) -> dict[str, Any]:
    """What a decision and the limits of its profile ask for, under the request's names."""
    data, limits = profile.data, profile.constraints
    budget = limits.budget_usd
    wishes: dict[str, Any] = {
        "settings": decision.settings,
        "objective": _objective(decision),
        "examples": data.train_samples or data.labelled_samples or None,
        "budget_usd": None if budget is None else Decimal(str(budget)),
        "max_hours": limits.max_hours or None,
        "calls_per_month": limits.queries_per_month,
        "place": place_of(profile),
    }
    if decision.methods:
        wishes |= {"methods": decision.methods, "methods_in_line": True}
    return {name: wish for name, wish in wishes.items() if wish is not None}


def against(decision: Decision, profile: Profile, options: Sequence[Option]) -> tuple[str, ...]:
    """What speaks against the figures: tuning is ruled out, or samples are assumed where none are.

    Sentences, each for one line.
    """
    tuning = [r for r in decision.approaches if r.approach in TUNING]
    rules = dict.fromkeys(
        reason.rule_id for r in tuning for reason in r.reasons if reason.effect == "forbid"
    )
    found = []
    if tuning and len(tuning) == len(TUNING) and all(r.forbidden for r in tuning):
        found.append(
            f"The advice on these answers rules tuning out ({', '.join(rules)});"
            " the figures say what it would take all the same."
        )
    data = profile.data
    assumed = next((o.plan for o in options if _assumes_samples(o.plan)), None)
    if assumed is not None and data.labelled_samples == 0 and not data.train_samples:
        found.append(
            f"{assumed.examples} samples are assumed, although the answers say that there are none"
            " (labelled_samples: 0)."
        )
    return tuple(found)


def _assumes_samples(plan: Plan) -> bool:
    return plan.tokens is None and plan.reasons.get("examples", "").startswith("recipe")


def place_of(profile: Profile) -> Place:
    """Where the data may go: what must stay local, or runs on an own machine, goes to nobody.

    Who says that data may leave, and serves on an own machine, may still train on a rented one.
    """
    limits = profile.constraints
    is_at_home = limits.hosting == "own_machine"
    if limits.must_stay_local or (is_at_home and limits.must_stay_local is None):
        return "own"
    return "rented" if is_at_home or limits.hosting == "rented_gpu" else "anywhere"


def _objective(decision: Decision) -> str:
    """The objective of the advised approach; plain answers where it has none of its own."""
    key = f"{decision.recommended}.objective"
    told = (str(setting.value) for setting in decision.settings if setting.key == key)
    return next(told, _OBJECTIVES.get(decision.recommended or "", "sft"))


def suit_advice(
    values: dict[str, Any],
    reasons: dict[str, str],
    settings: Sequence[Setting],
    *,
    recipe: Recipe,
    info: MethodInfo,
    objective: str = "",
) -> None:
    """The settings that this method can take; one for its family wins over one for all.

    With an objective, those for that objective alone. A recipe for models below a size stays as it
    is: the rules rest on models of billions.
    """
    if recipe.below_parameters is not None:
        return
    family = _FAMILIES.get(recipe.method, "")
    before = f"{objective}." if objective else ""
    for wanted in (before, f"{before}{family}."):
        for setting in settings:
            scope, dot, field = setting.key.rpartition(".")
            if f"{scope}{dot}" == wanted and _is_taken(field, info):
                values[field], reasons[field] = setting.value, f"{RULE}{setting.rule_id}"


def _is_taken(field: str, info: MethodInfo) -> bool:
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
