"""What of a passage is searched: the one place that dense and lexical retrieval ask."""

from __future__ import annotations

from advisor.schema.evaluation import Passage


def searched_text(passage: Passage) -> str:
    """Its headings, where it stands under any, and its text."""
    if not passage.heading:
        return passage.text
    return f"{passage.heading}\n{passage.text}"
