"""What only a method or objective understands: reads and checks the plan's options."""

from __future__ import annotations

from advisor.errors import PlanError
from advisor.schema.plan import Plan


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
