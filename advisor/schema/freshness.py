"""How old a price may be before its age is told."""

from __future__ import annotations

from datetime import date

STALE_AFTER_DAYS = 30
"""Prices of the same offer rose by a fifth within two months of 2026."""


def age_days(checked: str, as_of: str) -> int:
    """Days from the last check to a day, both in ISO format; 0 for a check after it."""
    return max(0, (date.fromisoformat(as_of) - date.fromisoformat(checked)).days)


def is_stale(checked: str, as_of: str) -> bool:
    """Whether a price was last checked too long before a day to be shown without saying so."""
    return age_days(checked, as_of) > STALE_AFTER_DAYS
