"""Counts with their nouns, as problems name them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A count with its noun: 1 row, 2 rows."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
