"""What one answer is worth on one published case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.decisions.ranking import Answer, families_of
from benchmarks.decisions.table import Row

HARMFUL = 10.0
"""Points behind the best measured family at which advice counts as harm."""
BEST_PROMPT = "prompt"


@dataclass(frozen=True)
class Chance:
    """The told chance that a measured family is acceptable, and whether it was."""

    family: str
    told: float
    came_true: bool


@dataclass(frozen=True)
class Forecast:
    """An expected gain beside the measured one, in points over the best plain prompt."""

    approach: str
    error: float
    is_covered: bool
    """The measured gain lies between the 10 % and 90 % points."""


@dataclass(frozen=True)
class Verdict:
    """How a policy did on one case."""

    row: Row
    picked: str | None
    """The first advised family that the case measured; None when it measured none of them."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """acceptable, top, good_enough, first_measured; regret, harm and brier where there are any."""
    confidence: float | None = None
    """The chance told for the picked family."""
    chances: tuple[Chance, ...] = ()
    """For every measured family; none where none were told."""
    forecasts: tuple[Forecast, ...] = ()

    @property
    def source(self) -> str:
        """The publication, which has one vote."""
        return self.row.case.source

    @property
    def weight(self) -> float:
        """The case's weight inside its source."""
        return self.row.case.weight


def judged(row: Row, answer: Answer | None) -> Verdict:
    """The verdict on an answer; None counts as not answered.

    Regret and harm exist where all arms share one metric in points, Brier where chances are told.
    """
    if answer is None:
        return Verdict(row, None)
    case = row.case
    picked = next((family for family in answer.families if family in case.values), None)
    figures = {"first_measured": float(any(f in case.values for f in answer.first))}
    if picked is None:
        return Verdict(row, None, figures)
    figures["acceptable"] = float(picked in case.acceptable)
    figures["top"] = float(picked in case.best)
    if row.good_enough is not None:
        figures["good_enough"] = float(picked == row.good_enough)
    if case.is_absolute:
        behind = max(case.values.values()) - case.values[picked]
        figures["regret"] = behind
        figures["harm"] = float(behind >= HARMFUL or picked in row.clearly_worse)
    chances = _chances(row, answer)
    if chances:
        figures["brier"] = sum((c.told - c.came_true) ** 2 for c in chances) / len(chances)
    return Verdict(
        row=row,
        picked=picked,
        figures=figures,
        confidence=answer.chances.get(picked, 0.0) if answer.chances else None,
        chances=chances,
        forecasts=_forecasts(row, answer),
    )


def _chances(row: Row, answer: Answer) -> tuple[Chance, ...]:
    """A measured family without a chance was given none."""
    if not answer.chances:
        return ()
    case = row.case
    return tuple(
        Chance(family, answer.chances.get(family, 0.0), family in case.acceptable)
        for family in case.values
    )


def _forecasts(row: Row, answer: Answer) -> tuple[Forecast, ...]:
    """Gains of the approaches that the case measured beside a plain prompt."""
    case = row.case
    if not case.is_absolute or BEST_PROMPT not in case.values:
        return ()
    found = []
    for approach, gain in answer.gains.items():
        measured = [case.values[f] for f in families_of(approach) if f in case.values]
        if not measured or BEST_PROMPT in families_of(approach):
            continue
        seen = max(measured) - case.values[BEST_PROMPT]
        found.append(Forecast(approach, abs(gain.likely - seen), gain.low <= seen <= gain.high))
    return tuple(found)
