"""Tables as plain text cells, the same for Markdown and HTML; each of those escapes on its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from advisor.render.safe import UNKNOWN, amount, fact_text, safe_text

if TYPE_CHECKING:
    from collections.abc import Collection

    from advisor.schema.base import Interval, UsdInterval


@dataclass(frozen=True)
class Grid:
    """A table: headers, rows of cells, and which columns hold numbers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = field(default=())
    """Columns set flush right."""


def without(grid: Grid, headers: Collection[str]) -> Grid:
    """The grid without the columns of these headers."""
    kept = [place for place, header in enumerate(grid.headers) if header not in headers]
    return Grid(
        tuple(grid.headers[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in grid.rows),
        right=tuple(new for new, place in enumerate(kept) if place in grid.right),
    )


def gib_text(gib: float | None) -> str:
    """Memory with as many decimals as its size deserves: 0.052, 3.41, 61.2."""
    if gib is None or not math.isfinite(gib):
        return UNKNOWN
    digits = 3 if abs(gib) < 1 else 2 if abs(gib) < 10 else 1
    return f"{gib:,.{digits}f}"


def gib_spread(interval: Interval | None) -> str:
    """'2.70 (2.00 to 3.40) GiB' with an en dash; 'unknown' for None."""
    if interval is None:
        return UNKNOWN
    low, high = gib_text(interval.low), gib_text(interval.high)
    return f"{gib_text(interval.likely)} ({low}–{high}) GiB"  # noqa: RUF001 - a range


def hours_spread(interval: Interval | None) -> str:
    """Hours, or minutes when the likely time is below one hour; 'unknown' for None."""
    if interval is None:
        return UNKNOWN
    scale, unit = (60, "min") if interval.likely < 1 else (1, "h")
    low, likely, high = (
        f"{scale * x:,.1f}" for x in (interval.low, interval.likely, interval.high)
    )
    return f"{likely} ({low}–{high}) {unit}"  # noqa: RUF001 - a range


def usd_spread(interval: UsdInterval | None) -> str:
    """'1.00 (0.50 to 2.00) USD' with an en dash; 'unknown' for None."""
    if interval is None:
        return UNKNOWN
    low, high = f"{interval.low:,.2f}", f"{interval.high:,.2f}"
    return f"{interval.likely:,.2f} ({low}–{high}) USD"  # noqa: RUF001 - a range


def usd_text(value: float | None) -> str:
    """Dollars; four decimals below ten cents; 'unknown' for None."""
    return amount(value, "USD", 2 if value is None or value == 0 or abs(value) >= 0.1 else 4)


def p_text(p_value: float) -> str:
    """A p-value with three decimals, or '< 0.001'."""
    if not math.isfinite(p_value):
        return UNKNOWN
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def yes_no(claim: bool | None) -> str:  # noqa: FBT001 - the value shown
    """'yes', 'no' or 'unknown'."""
    return fact_text(claim)


def facts_line(facts: dict[str, bool | int | float | str]) -> str:
    """'data.train_samples = 400; output.strict_format = yes'."""
    return "; ".join(f"{safe_text(name)} = {fact_text(value)}" for name, value in facts.items())


def short_number(number: float) -> str:
    """At most four digits that matter: 0.0042, 0.93, 17.5, 1,234."""
    size = abs(number)
    if not math.isfinite(number):
        return UNKNOWN
    if size >= 100:
        return f"{number:,.0f}"
    digits = 1 if size >= 1 else 2 if size >= 0.1 or size == 0 else 3 if size >= 0.01 else 4
    return f"{number:.{digits}f}"


def span(interval: Interval | None) -> str:
    """'0.93-2.0' with an en dash; one number where both ends read alike."""
    if interval is None:
        return UNKNOWN
    return _joined(short_number(interval.low), short_number(interval.high))


def usd_span(interval: UsdInterval | None) -> str:
    """'$0.27-0.57' with an en dash; one amount where both ends read alike."""
    if interval is None:
        return UNKNOWN
    low, high = float(interval.low), float(interval.high)
    if high == 0:
        return "$0"
    if low < 0:
        return _joined(usd_short(low), usd_short(high), " to ")
    return "$" + _joined(usd_short(low)[1:], usd_short(high)[1:])


def usd_short(amount_usd: float) -> str:
    """'$0.27', '$5.40', '$12', '$34,952', '-$3.20'."""
    size = abs(amount_usd)
    digits = 0 if size >= 10 or size == 0 else 2 if size >= 0.01 else 4
    return f"{'-' if amount_usd < 0 else ''}${size:,.{digits}f}"


def _joined(low: str, high: str, between: str = "–") -> str:  # noqa: RUF001 - a range
    return low if low == high else f"{low}{between}{high}"
