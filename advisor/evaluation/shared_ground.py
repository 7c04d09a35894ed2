"""Evaluations of different lengths brought to common ground."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from advisor.evaluation.intervals import alike_within_groups
from advisor.evaluation.resampling import by_totals, totals_of
from advisor.schema.evaluation import Evaluation, ScoredSample


def on_common_samples(
    evaluations: Sequence[Evaluation],
    value_of: Callable[[Mapping[str, float]], float] | None,
) -> tuple[dict[str, float], int]:
    """Values by builder on the samples that all have scored, and how many those are.

    `value_of` is that of a metric of summed totals. No values where there is no such sample.
    """
    scored = {
        e.builder: {one.sample_id: one for one in e.scores if not one.unscored} for e in evaluations
    }
    shared = set.intersection(*(set(own) for own in scored.values()))
    if not shared:
        return {}, 0
    values = {
        name: _value([own[sample_id] for sample_id in sorted(shared)], value_of)
        for name, own in scored.items()
    }
    return values, len(shared)


def independent_samples(evaluation: Evaluation) -> float:
    """As many independent samples as those that a proof can pair are worth, by their scores."""
    scored = [score for score in evaluation.scores if not score.unscored]
    groups = [score.group for score in scored]
    return evaluation.n_to_prove_on / alike_within_groups([s.value for s in scored], groups)


def _value(
    scores: Sequence[ScoredSample], value_of: Callable[[Mapping[str, float]], float] | None
) -> float:
    if value_of is None:
        return fmean(score.value for score in scores)
    totals = totals_of([score.totals for score in scores])
    values = by_totals(value_of, totals.names)
    return float(values(totals.rows.sum(axis=0, keepdims=True))[0])
