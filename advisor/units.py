"""Bytes, GiB, tokens and money: the only place that converts between units."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

BYTES_PER_GIB = 1024**3
BYTES_PER_GB = 1000**3
SECONDS_PER_HOUR = 3600.0
CENT = Decimal("0.01")


def gib_from_bytes(count_bytes: float) -> float:
    """Binary gibibytes (2^30), the unit of memory everywhere in this project."""
    return count_bytes / BYTES_PER_GIB


def bytes_from_gib(count_gib: float) -> float:
    """Bytes in so many GiB."""
    return count_gib * BYTES_PER_GIB


def gb_from_bytes(count_bytes: float) -> float:
    """Decimal gigabytes (10^9), the unit of disks and bandwidth."""
    return count_bytes / BYTES_PER_GB


def hours_from_seconds(seconds: float) -> float:
    """Hours in so many seconds."""
    return seconds / SECONDS_PER_HOUR


def seconds_from_hours(hours: float) -> float:
    """Seconds in so many hours."""
    return hours * SECONDS_PER_HOUR


def usd(value: str | int | Decimal) -> Decimal:
    """Dollars as an exact decimal; floats are refused because they already lost the cents."""
    if isinstance(value, float):
        msg = "money is written as text or Decimal, never as float"
        raise TypeError(msg)
    return Decimal(value)


def round_usd(value: Decimal) -> Decimal:
    """Dollars rounded to whole cents, half up."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def short_count(count: float) -> str:
    """A count in at most four characters and a suffix: 1234567 -> '1.2M'."""
    for size, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= size:
            scaled = count / size
            return f"{scaled:.0f}{suffix}" if scaled >= 100 else f"{scaled:.1f}{suffix}"
    return f"{count:.0f}" if count == int(count) else f"{count:.3g}"


def short_duration(seconds: float) -> str:
    """A duration a person reads at a glance: 75 -> '1 min 15 s'."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
