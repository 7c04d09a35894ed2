"""When a sample arose, as a moment that can be ordered."""

from __future__ import annotations

import re
from datetime import UTC, datetime

EPOCH = re.compile(r"\d{9,10}(\.\d+)?|\d{12,13}")
"""Seconds, or milliseconds, since 1970."""
COARSE = re.compile(r"(\d{4})(?:-(\d{2}))?")
"""A year, or a year and month, stands for its first day."""


def moment(text: str) -> datetime | None:
    """The moment in UTC; None where the text is no ISO date, date and time, or Unix time.

    A time without an offset is taken as UTC.
    """
    stripped = text.strip()
    try:
        if EPOCH.fullmatch(stripped):
            number = float(stripped)
            return datetime.fromtimestamp(number / 1000 if number >= 1e11 else number, UTC)
        if coarse := COARSE.fullmatch(stripped):
            return datetime(int(coarse[1]), int(coarse[2] or 1), 1, tzinfo=UTC)
        found = datetime.fromisoformat(stripped)
    except (ValueError, OverflowError, OSError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
