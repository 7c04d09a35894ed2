"""When targets are labels rather than free text: the one definition that every room uses."""

from __future__ import annotations

from collections.abc import Mapping

MOST_LABELS = 200
LABEL_SHARE = 0.2
"""Distinct targets as a share of rows up to which they are labels: each stands five times."""
LONGEST_LABEL = 80
"""Characters of a label."""
LONG_SHARE = 0.1
"""Rows that may be longer all the same: among labels they are slips."""


def are_labels(counts: Mapping[str, int]) -> bool:
    """Whether rows counted by their normalised target have labels as targets."""
    rows = sum(counts.values())
    if not 1 <= len(counts) <= min(MOST_LABELS, LABEL_SHARE * rows):
        return False
    long = sum(n for text, n in counts.items() if len(text) > LONGEST_LABEL or "\n" in text)
    return long <= LONG_SHARE * rows
