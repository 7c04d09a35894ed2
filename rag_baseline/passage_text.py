"""What of a passage is searched and shown: the one place that retrieval and prompts ask."""

from __future__ import annotations

from advisor.schema.evaluation import Passage

BETWEEN = " > "
"""Between a document and the headings in it."""


def searched_text(passage: Passage) -> str:
    """Its headings, where it stands under any, and its text."""
    return shown_text(passage)


def shown_text(passage: Passage, *, named: bool = False) -> str:
    """The same as a prompt shows it; with its document where that is to be named."""
    label = label_of(passage, named=named)
    return f"{label}\n{passage.text}" if label else passage.text


def label_of(passage: Passage, *, named: bool = False) -> str:
    """The line over a passage's text; empty where nothing is to be said there."""
    parts = (passage.document if named else "", passage.heading)
    return BETWEEN.join(part for part in parts if part)
