"""Evaluations of different lengths brought to common ground."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from advisor.evaluation.intervals import alike_within_groups
from advisor.evaluation.resampling import by_totals, totals_of
from advisor.schema.evaluation import Evaluation, ScoredSample

FEWEST_SHARED = 40
"""Samples in common below which systems are not compared by them."""

ValueOf = Callable[[Mapping[str, float]], float]
"""A metric of summed totals."""


def on_common_samples(
    evaluations: Sequence[Evaluation],
    value_of: ValueOf | None,
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
        name: value_on([own[sample_id] for sample_id in sorted(shared)], value_of)
        for name, own in scored.items()
    }
    return values, len(shared)


def best_of(
    evaluations: Sequence[Evaluation],
    cost_ranks: Mapping[str, float],
    value_of: ValueOf | None,
) -> tuple[str, str]:
    """The best system, and what must be said of how it was found.

    Where the cap ended one, values of different samples would be compared: then by the samples that
    all have a score for, or where these are too few among those that the cap did not end.
    """

    def highest(of: Mapping[str, float]) -> str:
        return max(of, key=lambda name: (of[name], -cost_ranks[name]))

    values = {e.builder: e.value for e in evaluations}
    ended = [e.builder for e in evaluations if e.ended == "budget"]
    if not ended or len(evaluations) == 1:
        return highest(values), ""
    common, shared = on_common_samples(evaluations, value_of)
    words = f"The cap on spending ended {', '.join(ended)}"
    whole = {name: value for name, value in values.items() if name not in ended}
    if shared >= FEWEST_SHARED or (shared and not whole):
        return highest(common), (
            f"{words}: the best system was chosen by the {shared} samples that all have answered."
        )
    if whole:
        return highest(whole), (
            f"{words} after too few samples to compare by: the best system was chosen among the"
            " others."
        )
    return highest(values), f"{words}: the best system was chosen by different samples."


def independent_samples(evaluation: Evaluation) -> float:
    """As many independent samples as those that a proof can pair are worth, by their scores."""
    scored = [score for score in evaluation.scores if not score.unscored]
    groups = [score.group for score in scored]
    return evaluation.n_to_prove_on / alike_within_groups([s.value for s in scored], groups)


def value_on(scores: Sequence[ScoredSample], value_of: ValueOf | None) -> float:
    """The metric's value on some scores: their mean, or that of their summed totals."""
    if value_of is None:
        return fmean(score.value for score in scores)
    totals = totals_of([score.totals for score in scores])
    values = by_totals(value_of, totals.names)
    return float(values(totals.rows.sum(axis=0, keepdims=True))[0])
