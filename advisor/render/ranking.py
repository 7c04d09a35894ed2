"""The order of the approaches as a table, and which of them have no row and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.decision_words import (
    CHANCE_MEANING,
    FOR,
    GAIN_MEANING,
    NO_GAIN,
    SCORE_MEANING,
    chance_words,
    gain_words,
    has_support,
    standing,
)
from advisor.render.grid import Grid
from advisor.render.safe import words

if TYPE_CHECKING:
    from advisor.schema.decide import Decision, RankedApproach
    from advisor.schema.profile import Profile

KNOWLEDGE = "knowledge."
READERS = ("rag", "rag_plus_fine_tuning", "long_context")
"""Approaches that put documents beside the question."""
IDLE = ("collect_data", "none")
"""Approaches that answer no request, so that they gain nothing."""


def approaches_grid(
    decision: Decision, *, profile: Profile | None = None, most: int | None = None
) -> Grid:
    """The approaches that some rule speaks for, and those ruled out, in order.

    With `profile`, without what has nothing to read there. With `most`, so many that are not ruled
    out. Chance and gain have a column each where some approach has one.
    """
    named = [ranked for ranked in decision.approaches if _has_row(ranked, decision, profile)]
    shown = named if most is None else [r for r in named if not r.forbidden][:most]
    columns: list[tuple[str, list[str]]] = [
        ("Approach", [words(r.approach) for r in shown]),
        ("Score", [f"{r.score:+.3g}" if r.score else "0" for r in shown]),
    ]
    if any(r.probability_acceptable is not None for r in shown):
        columns.append(("Chance", [_chance(r) for r in shown]))
    if any(r.expected_gain is not None for r in shown):
        columns.append(("Gain", [_gain(r) for r in shown]))
    columns.append(("Standing", [standing(r, decision) for r in shown]))
    return Grid(
        tuple(header for header, _ in columns),
        tuple(zip(*(cells for _, cells in columns), strict=True)),
        right=tuple(range(1, len(columns) - 1)),
    )


def _chance(ranked: RankedApproach) -> str:
    """Blank for what is ruled out and for what no chance can be given."""
    is_open = not ranked.forbidden and ranked.probability_acceptable is not None
    return chance_words(ranked) if is_open else ""


def _gain(ranked: RankedApproach) -> str:
    """Blank for what answers nothing itself and for what is ruled out."""
    if ranked.forbidden or ranked.approach in IDLE:
        return ""
    return NO_GAIN if ranked.expected_gain is None else gain_words(ranked.expected_gain)


def column_meanings(grid: Grid) -> list[str]:
    """What score, chance and gain mean, where the grid has them."""
    meanings = {"Score": SCORE_MEANING, "Chance": CHANCE_MEANING, "Gain": GAIN_MEANING}
    return [meaning for header, meaning in meanings.items() if header in grid.headers]


def _has_row(ranked: RankedApproach, decision: Decision, profile: Profile | None) -> bool:
    leads = (decision.recommended, decision.runner_up, *decision.near_ties)
    if ranked.approach in leads or ranked.forbidden:
        return True
    return has_support(ranked) and not _lacks_documents(ranked, profile)


def _lacks_documents(ranked: RankedApproach, profile: Profile | None) -> bool:
    """Whether an approach reads documents that are known to be missing.

    What speaks for tuning in general speaks for retrieval with tuning too; a reason for documents
    looks at the knowledge that answers need.
    """
    if profile is None or ranked.approach not in READERS:
        return False
    knowledge = profile.knowledge
    if knowledge.in_documents is not False or knowledge.documents:
        return False
    return not any(
        reason.effect in FOR and any(fact.startswith(KNOWLEDGE) for fact in reason.because)
        for reason in ranked.reasons
    )


def unlisted(decision: Decision, profile: Profile | None = None) -> list[tuple[str, list[str]]]:
    """The approaches without a row, by why: nothing said, nothing for them, nothing to read."""
    left = [ranked for ranked in decision.approaches if not _has_row(ranked, decision, profile)]
    told = (
        ("No rule spoke for or against", [r for r in left if not r.reasons]),
        ("Rules spoke only against", [r for r in left if r.reasons and not has_support(r)]),
        ("Left out, for there are no documents:", [r for r in left if has_support(r)]),
    )
    return [(start, [words(r.approach) for r in ranked]) for start, ranked in told if ranked]
