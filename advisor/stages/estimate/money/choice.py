"""Which of the options to take: the cheapest, the fastest, or the best within the limits."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, Protocol

from advisor.schema.estimate import Option

UNKNOWN_TIME = float("inf")
UNKNOWN_PRICE = Decimal("Infinity")


class Choosable(Protocol):
    """An option that can be recommended or not: fits or may, is not blocked, keeps to limits."""

    @property
    def option(self) -> Option:
        """The plan with its figures."""
        ...

    @property
    def can_be_recommended(self) -> bool:
        """Whether it may be chosen at all."""
        ...


def _unsure(option: Option) -> bool:
    return option.fits != True  # noqa: E712  it may be the word "uncertain"


def _money(option: Option) -> Decimal:
    return option.cost_usd.likely if option.cost_usd else UNKNOWN_PRICE


def _time(option: Option) -> float:
    return option.time_hours.likely if option.time_hours else UNKNOWN_TIME


def _first(
    found: Sequence[Choosable], first: Literal["cheapest", "fastest"], allowed: Sequence[int]
) -> int | None:
    def rank(index: int) -> tuple[bool, Decimal | float, Decimal | float, int]:
        option = found[index].option
        money, time = _money(option), _time(option)
        if first == "cheapest":
            return (_unsure(option), money, time, index)
        return (_unsure(option), time, money, index)

    return min(allowed, key=rank, default=None)


def cheapest(found: Sequence[Choosable]) -> int | None:
    """Index of the cheapest option that fits; certain before uncertain; unknown prices last."""
    allowed = [i for i, c in enumerate(found) if c.can_be_recommended]
    return _first(found, "cheapest", allowed)


def fastest(found: Sequence[Choosable]) -> int | None:
    """Index of the option that is done first; None when no time is known."""
    allowed = [
        i for i, c in enumerate(found) if c.can_be_recommended and c.option.time_hours is not None
    ]
    return _first(found, "fastest", allowed)


def chosen(
    found: Sequence[Choosable],
    *,
    budget_usd: Decimal | None = None,
    max_hours: float | None = None,
    prefer: Literal["cheapest", "fastest"] | None = None,
) -> int | None:
    """Index of the best option that keeps to the limits; None when none can be recommended.

    A budget alone buys speed: the fastest within it. A time limit, or no limit, asks for the
    cheapest. `prefer` overrules both; where no time is known, the cheapest is taken.
    """
    buys_speed = budget_usd is not None and max_hours is None
    wish = prefer or ("fastest" if buys_speed else "cheapest")
    quick = fastest(found) if wish == "fastest" else None
    return quick if quick is not None else cheapest(found)


def keeps_to(option: Option, *, budget_usd: Decimal | None, max_hours: float | None) -> bool:
    """Whether an option keeps to the limits by its likely figures.

    A price nobody knows does not keep to a budget, since it may be any; a time nobody knows (on a
    CPU) is taken on trust, since training stops at the limit, and a warning says so.
    """
    if budget_usd is not None and _money(option) > budget_usd:
        return False
    return max_hours is None or option.time_hours is None or option.time_hours.likely <= max_hours
