"""Whether a target is met, when the cheapest of several systems that meet it is looked for."""

from __future__ import annotations

from statistics import NormalDist

from advisor.evaluation.intervals import LEVEL, score_interval
from advisor.evaluation.stopping import last_level
from advisor.schema.base import ConfidenceInterval
from advisor.schema.evaluation import Evaluation, ScoredSample


def level_among(systems: int) -> float:
    """The level of each of several intervals at which the chance that any errs is that of one.

    Ten systems with an interval of 90 % each have ten chances to clear a target by accident; each
    gets its share of the error (Bonferroni).
    """
    return 1 - (1 - LEVEL) / max(1, systems)


def clears(evaluation: Evaluation, target: float, systems: int) -> bool:
    """Whether the lower bound clears a target, judged as one of so many systems."""
    return evaluation.interval.low >= target and interval_among(evaluation, systems).low >= target


def interval_among(evaluation: Evaluation, systems: int) -> ConfidenceInterval:
    """An evaluation's interval at the level that one of several systems is judged by.

    Made from the scores as the evaluation's own was. One that ended because it was decided keeps
    the interval that decided it. A metric of summed totals, or scores that are not at hand: the
    given interval, each side widened as a normal one would be.
    """
    if systems <= 1 or evaluation.ended == "decided":
        return evaluation.interval
    level = level_among(systems)
    scored = [score for score in evaluation.scores if not score.unscored]
    if not is_recomputed(evaluation):
        return _widened(evaluation, level)
    read, stopping = level, evaluation.stopping
    if stopping is not None:
        read = last_level(stopping.error_rate / systems)
    _, interval, _ = score_interval(
        scored,
        is_binary={score.value for score in scored} <= {0.0, 1.0},
        clusters=[score.group for score in scored],
        seed=evaluation.manifest.seed,
        level=read,
    )
    return interval.model_copy(update={"level": level})


def is_recomputed(evaluation: Evaluation) -> bool:
    """Whether all scores that the interval was made of are at hand, and their mean the value."""
    scored: list[ScoredSample] = [s for s in evaluation.scores if not s.unscored]
    return (
        bool(scored) and len(scored) == evaluation.n and not any(score.totals for score in scored)
    )


def _widened(evaluation: Evaluation, level: float) -> ConfidenceInterval:
    """The interval with each side as much longer as a normal one's is at another level."""
    normal, given, value = NormalDist(), evaluation.interval, evaluation.value
    factor = normal.inv_cdf((1 + level) / 2) / normal.inv_cdf((1 + given.level) / 2)
    return ConfidenceInterval(
        low=max(0.0, value - max(0.0, value - given.low) * factor),
        high=min(1.0, value + max(0.0, given.high - value) * factor),
        level=level,
    )
