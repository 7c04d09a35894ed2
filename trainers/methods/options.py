"""What only a method or objective understands: reads and checks the plan's options."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from advisor.errors import PlanError
from advisor.schema.plan import Obstacle, Plan


def whole(plan: Plan, name: str, default: int, *, least: int = 1) -> int:
    """A whole number, `default` where the plan says nothing.

    Raises PlanError for anything else, or for less than `least`.
    """
    value = plan.method_options.get(name, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise PlanError(
            f"The option '{name}' is {value!r}.",
            hint=f"Give a whole number of at least {least}, for example {default}.",
        )
    return value


def flag(plan: Plan, name: str, *, default: bool) -> bool:
    """A yes or no, `default` where the plan says nothing.

    Raises PlanError for anything else.
    """
    value = plan.method_options.get(name, default)
    if not isinstance(value, bool):
        raise PlanError(f"The option '{name}' is {value!r}.", hint="Give true or false.")
    return value


def number(plan: Plan, name: str, default: float) -> float:
    """A number that is not negative, `default` where the plan says nothing.

    Raises PlanError for anything else.
    """
    value = plan.method_options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise PlanError(
            f"The option '{name}' is {value!r}.", hint=f"Give a number, for example {default}."
        )
    return float(value)


def word(plan: Plan, name: str, default: str, allowed: Collection[str]) -> str:
    """One of the allowed words, `default` where the plan says nothing.

    Raises PlanError for anything else.
    """
    value = plan.method_options.get(name, default)
    if not isinstance(value, str) or value not in allowed:
        raise PlanError(
            f"The option '{name}' is {value!r}.", hint=f"Choose from {', '.join(allowed)}."
        )
    return value


def refuse(obstacles: Iterable[Obstacle]) -> None:
    """Raise PlanError for the first of them that blocks."""
    for obstacle in obstacles:
        if obstacle.severity == "blocks":
            raise PlanError(obstacle.message, hint=obstacle.hint)
