"""Which recipes a plan starts from: the method's, and what an objective lays over it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from advisor.contracts import MethodInfo
from advisor.errors import PlanError
from advisor.schema.catalog import Recipe
from advisor.schema.plan import Plan

OPTION = "method_options."
"""How a recipe names what only the method or objective knows: `method_options.beta`."""


def recipe_for(recipes: Sequence[Recipe], info: MethodInfo, parameters: int) -> Recipe:
    """The recipe for a method, or for its kin, and a model's size.

    Raises PlanError when there is none.
    """
    for name in (info.id, _kin(info)):
        for recipe in recipes:
            if not recipe.objective and recipe.method == name and _covers(recipe, parameters):
                return recipe
    raise PlanError(
        f"There is no recipe for method '{info.id}' and {parameters} parameters.",
        hint="Add one under rules/recipes/.",
    )


def laid_over(
    recipes: Sequence[Recipe], objective: str, info: MethodInfo, parameters: int
) -> list[Recipe]:
    """What an objective asks of the method, or of its kin, at that size; the nearest last."""
    return [
        recipe
        for name in dict.fromkeys((_kin(info), info.id))
        for recipe in recipes
        if recipe.objective == objective and recipe.method == name and _covers(recipe, parameters)
    ]


def usual(key: str, recipes: Sequence[Recipe], plan: Plan, info: MethodInfo, size: int) -> Any:
    """What the recipes say for one field of such a plan; None where they say nothing."""
    own = [recipe_for(recipes, info, size), *laid_over(recipes, plan.objective, info, size)]
    said = [recipe.settings[key].value for recipe in own if key in recipe.settings]
    return said[-1] if said else None


def own_options(
    values: dict[str, Any], reasons: dict[str, str], understood: Collection[str]
) -> dict[str, Any]:
    """Options that recipes give to method or objective, taken out of the plan's values."""
    named = [key for key in values if key.startswith(OPTION)]
    options = {key.removeprefix(OPTION): values.pop(key) for key in named}
    for key in named:
        if key.removeprefix(OPTION) not in understood:
            del options[key.removeprefix(OPTION)]
            reasons.pop(key, None)
    return options


def _kin(info: MethodInfo) -> str:
    return info.recipe or ("lora" if info.needs_rank else "full")


def _covers(recipe: Recipe, parameters: int) -> bool:
    below = recipe.below_parameters
    return recipe.at_least_parameters <= parameters and (below is None or parameters < below)
