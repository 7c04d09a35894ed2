"""Which of the options to take: the cheapest, the fastest, or the best within the limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def cheapest(found: Sequence[Choosable], among: Sequence[int] | None = None) -> int | None:
    """Index of the cheapest option that fits; certain before uncertain; unknown prices last."""
    allowed = [i for i in _places(found, among) if found[i].can_be_recommended]
    return _first(found, "cheapest", allowed)


def fastest(found: Sequence[Choosable], among: Sequence[int] | None = None) -> int | None:
    """Index of the option that is done first; None when no time is known."""
    allowed = [
        i
        for i in _places(found, among)
        if found[i].can_be_recommended and found[i].option.time_hours is not None
    ]
    return _first(found, "fastest", allowed)


def _places(found: Sequence[Choosable], among: Sequence[int] | None) -> Sequence[int]:
    return range(len(found)) if among is None else among


def chosen(
    found: Sequence[Choosable],
    *,
    budget_usd: Decimal | None = None,
    max_hours: float | None = None,
    prefer: Literal["cheapest", "fastest"] | None = None,
    line: Sequence[str] = (),
) -> int | None:
    """Index of the best option that keeps to the limits; None when none can be recommended.

    A budget alone buys speed: the fastest within it. A time limit, or no limit, asks for the
    cheapest. `prefer` overrules both; where no time is known, the cheapest is taken. Of methods
    that stand in `line` the first with an option that fits is taken, for certain before perhaps.
    """
    buys_speed = budget_usd is not None and max_hours is None
    wish = prefer or ("fastest" if buys_speed else "cheapest")
    for among in () if prefer else _in_line(found, line):
        best = _wished(found, wish, among)
        if best is not None:
            return best
    return _wished(found, wish, None)


def chosen_as(
    found: Sequence[Choosable],
    place: int | None,
    *,
    budget_usd: Decimal | None = None,
    max_hours: float | None = None,
    prefer: Literal["cheapest", "fastest"] | None = None,
) -> str:
    """'fastest within the budget of $50', where the budget took a dearer option; else empty."""
    if place is None or budget_usd is None or max_hours is not None or prefer is not None:
        return ""
    frugal = cheapest(found)
    if frugal is None or _money(found[place].option) <= _money(found[frugal].option):
        return ""
    method = "" if place == fastest(found) else f" {found[place].option.method}"
    return f"fastest{method} within the budget of ${budget_usd.normalize():,f}"


def _in_line(found: Sequence[Choosable], line: Sequence[str]) -> Iterator[list[int]]:
    """The options of each method in line, those that fit for certain in a first round."""
    for is_sure in (True, False):
        for method in line:
            yield [
                i
                for i, c in enumerate(found)
                if c.option.method == method and not (is_sure and _unsure(c.option))
            ]


def _wished(
    found: Sequence[Choosable],
    wish: Literal["cheapest", "fastest"],
    among: Sequence[int] | None,
) -> int | None:
    quick = fastest(found, among) if wish == "fastest" else None
    return quick if quick is not None else cheapest(found, among)


def keeps_to(option: Option, *, budget_usd: Decimal | None, max_hours: float | None) -> bool:
    """Whether an option keeps to the limits by its likely figures.

    A price nobody knows does not keep to a budget, since it may be any; a time nobody knows (on a
    CPU) is taken on trust, since training stops at the limit, and a warning says so.
    """
    if budget_usd is not None and _money(option) > budget_usd:
        return False
    return max_hours is None or option.time_hours is None or option.time_hours.likely <= max_hours
