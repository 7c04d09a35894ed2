"""What systems chose while they were made ready, as sentences and a table for every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import Grid
from advisor.render.safe import UNKNOWN, percent, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.schema.evaluation import Evaluation, TriedPrompt

MOST_SHOWN = 12
"""Prompts of a search that are shown, best first; the document holds them all."""


def stories(evaluations: Sequence[Evaluation]) -> tuple[str, ...]:
    """How each system was made ready, and what that asked of the model."""
    found = [f"{words(e.builder)}: {line}" for e in evaluations for line in e.story]
    found += [
        f"{words(e.builder)} asked {e.fitting.calls:,} prompts before the first test sample."
        for e in evaluations
        if e.fitting is not None and e.fitting.calls
    ]
    return tuple(found)


def tried_grid(evaluations: Sequence[Evaluation]) -> Grid:
    """The prompts that searches tried on the dev part, best first; no rows where none searched."""
    rows = tuple(
        (
            words(e.builder),
            tried.origin,
            tried.instruction or UNKNOWN,
            _shots(tried),
            f"{tried.samples:,}",
            UNKNOWN if tried.score is None else percent(tried.score),
        )
        for e in evaluations
        for tried in sorted(e.tried, key=lambda t: (-t.samples, -(t.score or 0.0)))[:MOST_SHOWN]
    )
    headers = ("System", "Prompt from", "Instruction", "Shots", "Dev samples", "Score there")
    return Grid(headers, rows, right=(4, 5))


def _shots(tried: TriedPrompt) -> str:
    if not tried.shots:
        return "none"
    return f"{tried.shots} {'similar' if tried.similar else 'fixed'}"
