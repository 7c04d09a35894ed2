"""Two systems on the same samples: how far apart, how sure, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import ceil
from statistics import NormalDist, fmean
from typing import Any, NamedTuple

from advisor.evaluation.detectable import POWER
from advisor.evaluation.differences import (
    clustered_difference_interval,
    exact_mcnemar,
    holm,
    items_needed,
    mean_difference_interval,
    paired_share_interval,
    sign_flip,
    swap_test,
    totals_difference_interval,
)
from advisor.evaluation.intervals import LEVEL, shared_groups
from advisor.evaluation.pairs import Pairs, paired
from advisor.evaluation.resampling import by_totals, grouped, totals_of
from advisor.evaluation.sentences import comparison_sentence
from advisor.evaluation.stopping import last_level, watch_difference
from advisor.schema.base import ConfidenceInterval
from advisor.schema.evaluation import Comparison, Evaluation, ScoredSample

EXACT = "exact McNemar"
SIGN_FLIP = "paired sign-flip permutation"
SWAP = "paired swap permutation of totals"
WATCHED = "betting on differences, valid at any end"

ValueOf = Callable[[Mapping[str, float]], float]


class Found(NamedTuple):
    """What a test says of one pair of systems."""

    difference: float
    interval: ConfidenceInterval
    p_value: float
    test: str
    needed: int | None


def compare(
    a: Evaluation, b: Evaluation, *, level: float = LEVEL, value_of: ValueOf | None = None
) -> Comparison:
    """How far b lies above a on the samples both have, with interval and two-sided p-value.

    Scores of 0 and 1: exact McNemar test and Newcombe's interval for paired shares (his method 10,
    Statistics in Medicine 17, 1998). Other scores: sign-flip permutation test and bootstrap
    interval of the mean difference. Samples that share a document or group: signs are flipped, and
    resamples drawn, by whole groups. A metric of summed totals (`value_of`): swap permutation and
    paired bootstrap. Where one evaluation ended because its scores had decided a question, the
    number of samples is no accident, and only a test that is valid whenever one stops will do;
    where it could have, half of the error is kept for the ordinary test at the end.

    Raises StaleArtifactError when samples or metric differ.
    """
    pairs = paired(a, b)
    found = _found(pairs, seed=a.manifest.seed, level=level, value_of=value_of)
    differences = pairs.differences
    return _told(
        Comparison(
            a=a.builder,
            b=b.builder,
            difference=found.difference,
            interval=found.interval,
            p_value=found.p_value,
            test=found.test,
            n=len(differences),
            only_a=sum(difference < 0 for difference in differences),
            only_b=sum(difference > 0 for difference in differences),
            items_needed=found.needed,
        )
    )


def compare_all(
    evaluations: Sequence[Evaluation], *, level: float = LEVEL, value_of: ValueOf | None = None
) -> list[Comparison]:
    """Every pair once, p-values corrected after Holm."""
    return corrected(
        [compare(a, b, level=level, value_of=value_of) for a, b in combinations(evaluations, 2)]
    )


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with p-values corrected after Holm for being several."""
    adjusted = holm([comparison.p_value for comparison in comparisons])
    return [
        _told(comparison.model_copy(update={"p_value": p}))
        for comparison, p in zip(comparisons, adjusted, strict=True)
    ]


def _told(comparison: Comparison) -> Comparison:
    return comparison.model_copy(update={"sentence": comparison_sentence(comparison)})


def _found(pairs: Pairs, *, seed: int, level: float, value_of: ValueOf | None) -> Found:
    """The test that fits the scores; the last look where they were watched."""
    if pairs.ended_by_scores and value_of is None:
        return _whenever(pairs, level=level)
    read = last_level((1 - level) / 2) if pairs.was_watched else level
    if value_of is not None:
        found = _of_totals(pairs, value_of, seed=seed, level=read)
    elif shared_groups(pairs.labels) is not None:
        found = _of_groups(pairs, seed=seed, level=read)
    else:
        found = _of_samples(pairs, seed=seed, level=read)
    interval = found.interval.model_copy(update={"level": level})
    p_value = min(1.0, found.p_value * (1 - level) / (1 - read))
    return found._replace(interval=interval, p_value=p_value)


def _of_samples(pairs: Pairs, *, seed: int, level: float) -> Found:
    """Independent samples."""
    differences = pairs.differences
    ours, theirs = _values(pairs.a), _values(pairs.b)
    needed = _either_way(differences, level=level)
    if {*ours, *theirs} <= {0.0, 1.0}:
        interval = paired_share_interval(ours, theirs, level=level)
        only_b = sum(difference > 0 for difference in differences)
        only_a = sum(difference < 0 for difference in differences)
        p_value = exact_mcnemar(only_a, only_b)
        return Found(fmean(differences), interval, p_value, EXACT, needed)
    interval = mean_difference_interval(differences, seed=seed, level=level)
    p_value = sign_flip(differences, seed=seed)
    return Found(fmean(differences), interval, p_value, SIGN_FLIP, needed)


def _of_groups(pairs: Pairs, *, seed: int, level: float) -> Found:
    """Samples that share documents or groups."""
    differences = pairs.differences
    counted = [{"sum": difference, "count": 1.0} for difference in differences]
    rows = grouped(totals_of(counted, ("sum", "count")).rows, pairs.labels)
    needed = _either_way(differences, level=level)
    alike = _variance_ratio(rows, differences)
    return Found(
        fmean(differences),
        clustered_difference_interval(rows, seed=seed, level=level),
        sign_flip(rows[:, 0].tolist(), seed=seed),
        f"cluster {SIGN_FLIP} over {len(rows)} groups",
        None if needed is None else ceil(needed * alike),
    )


def _of_totals(pairs: Pairs, value_of: ValueOf, *, seed: int, level: float) -> Found:
    """A metric that is a function of summed totals."""
    labels = shared_groups(pairs.labels)
    every = totals_of([score.totals for score in (*pairs.a, *pairs.b)])
    n, values = len(pairs.a), by_totals(value_of, every.names)
    ours, theirs = grouped(every.rows[:n], labels), grouped(every.rows[n:], labels)
    totals = [rows.sum(axis=0, keepdims=True) for rows in (ours, theirs)]
    difference = float(values(totals[1])[0] - values(totals[0])[0])
    interval = totals_difference_interval(ours, theirs, values, seed=seed, level=level)
    return Found(
        difference,
        interval,
        swap_test(ours, theirs, values, seed=seed),
        SWAP if labels is None else f"cluster {SWAP} over {len(ours)} groups",
        _from_width(difference, interval, n),
    )


def _whenever(pairs: Pairs, *, level: float) -> Found:
    """Scores that decided themselves when the evaluation ended."""
    differences = pairs.differences
    watch = watch_difference(
        planned=len(differences),
        error_rate=(1 - level) / 2,
        groups=shared_groups(pairs.labels),
        largest=pairs.largest_group,
    )
    for difference in differences:
        watch.add(difference)
    needed = _either_way(differences, level=level)
    return Found(fmean(differences), watch.interval, watch.p_value, WATCHED, needed)


def _either_way(differences: Sequence[float], *, level: float) -> int | None:
    """Samples that a difference of this size needs, whoever is ahead."""
    ahead = 1 if sum(differences) > 0 else -1
    return items_needed([ahead * difference for difference in differences], level=level)


def _variance_ratio(rows: Any, differences: Sequence[float]) -> float:
    """Variance of the mean by groups over that by samples; at least 1."""
    mean, n = fmean(differences), len(differences)
    single = sum((difference - mean) ** 2 for difference in differences)
    if not single:
        return n / len(rows)
    return max(1.0, float(((rows[:, 0] - mean * rows[:, 1]) ** 2).sum()) / single)


def _from_width(difference: float, interval: ConfidenceInterval, n: int) -> int | None:
    """Samples needed, from how wide the interval is with n."""
    if not difference:
        return None
    normal = NormalDist()
    z_level, z_power = normal.inv_cdf(0.5 + interval.level / 2), normal.inv_cdf(POWER)
    error = (interval.high - interval.low) / (2 * z_level)
    return ceil(n * ((z_level + z_power) * error / difference) ** 2)


def _values(scores: Sequence[ScoredSample]) -> list[float]:
    return [score.value for score in scores]
