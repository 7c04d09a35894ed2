"""Two systems on the same samples: how far apart, how sure, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import ceil, sqrt
from statistics import NormalDist, fmean

from advisor.errors import StaleArtifactError
from advisor.evaluation.identity import repeated
from advisor.evaluation.intervals import (
    FEWEST_FOR_BOOTSTRAP,
    LEVEL,
    bootstrap_interval,
    proportion_interval,
)
from advisor.evaluation.resampling import scipy_stats
from advisor.schema.base import ConfidenceInterval
from advisor.schema.evaluation import Comparison, Evaluation

EXACT = "exact McNemar"
SIGN_FLIP = "paired sign-flip permutation"
FLIPS = 9999
POWER = 0.8


def compare(a: Evaluation, b: Evaluation, *, level: float = LEVEL) -> Comparison:
    """How far b lies above a on the same samples, with interval and two-sided p-value.

    Scores of 0 and 1: exact McNemar test and Newcombe's interval for paired shares (his method 10,
    Statistics in Medicine 17, 1998). Other scores: sign-flip permutation test and bootstrap
    interval of the mean difference. Raises StaleArtifactError when samples or metric differ.
    """
    ours, theirs = _paired(a, b)
    is_binary = {*ours, *theirs} <= {0.0, 1.0}
    only_a = sum(x > y for x, y in zip(ours, theirs, strict=True))
    only_b = sum(y > x for x, y in zip(ours, theirs, strict=True))
    differences = [y - x for x, y in zip(ours, theirs, strict=True)]
    if is_binary:
        interval = paired_share_interval(ours, theirs, level=level)
        p_value = exact_mcnemar(only_a, only_b)
    else:
        interval = _difference_interval(differences, seed=a.manifest.seed, level=level)
        p_value = sign_flip(differences, seed=a.manifest.seed)
    return Comparison(
        a=a.builder,
        b=b.builder,
        difference=fmean(differences),
        interval=interval,
        p_value=p_value,
        test=EXACT if is_binary else SIGN_FLIP,
        n=len(ours),
        only_a=only_a,
        only_b=only_b,
    )


def compare_all(evaluations: Sequence[Evaluation], *, level: float = LEVEL) -> list[Comparison]:
    """Every pair once, p-values corrected after Holm."""
    return corrected([compare(a, b, level=level) for a, b in combinations(evaluations, 2)])


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with p-values corrected after Holm for being several."""
    adjusted = holm([comparison.p_value for comparison in comparisons])
    return [
        comparison.model_copy(update={"p_value": p})
        for comparison, p in zip(comparisons, adjusted, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the order given (Scand. J. Statistics 6, 1979).

    The i-th smallest of m p-values is multiplied by m - i + 1, never below its predecessor.
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted = [1.0] * len(p_values)
    floor = 0.0
    for rank, at in enumerate(order):
        floor = max(floor, min(1.0, p_values[at] * (len(p_values) - rank)))
        adjusted[at] = floor
    return adjusted


def exact_mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p-value: are samples that one alone got right evenly shared (SciPy's binomial)."""
    if only_a + only_b == 0:
        return 1.0
    return float(scipy_stats().binomtest(only_b, only_a + only_b, 0.5).pvalue)


def sign_flip(differences: Sequence[float], *, seed: int) -> float:
    """Two-sided p-value of the mean difference when every difference may as well be reversed.

    9,999 seeded reversals, the observed one counted in, so that p is never 0 and never too small.
    """
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    values = np.asarray(differences, dtype=float)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(FLIPS, len(values)))
    tolerance = 1e-12
    reached = np.abs(signs @ values) >= abs(values.sum()) - tolerance
    return float((reached.sum() + 1) / (FLIPS + 1))


def paired_share_interval(
    a: Sequence[float], b: Sequence[float], *, level: float = LEVEL
) -> ConfidenceInterval:
    """Newcombe's score interval of share b minus share a on the same samples.

    With d = pb - pa, Wilson bounds (la, ua), (lb, ub) and the correlation phi of the two answers,
    reduced towards 0 by half a count where it is positive:
    low = d - sqrt((pb-lb)^2 - 2 phi (pb-lb)(ua-pa) + (ua-pa)^2), high likewise with the other ends.
    """
    n = len(a)
    pa, pb = fmean(a), fmean(b)
    wa = proportion_interval(round(sum(a)), n, level=level)
    wb = proportion_interval(round(sum(b)), n, level=level)
    phi = _correlation(a, b)
    down = _hypotenuse(pb - wb.low, wa.high - pa, phi)
    up = _hypotenuse(wb.high - pb, pa - wa.low, phi)
    difference = pb - pa
    return ConfidenceInterval(
        low=max(-1.0, difference - down), high=min(1.0, difference + up), level=level
    )


def items_needed(differences: Sequence[float], *, level: float = LEVEL) -> int | None:
    """Paired samples at which a difference like this one is seen in 4 of 5 repetitions.

    n = ((z_alpha/2 sqrt(q) + z_power sqrt(q - d^2)) / d)^2 with d the mean and q the mean square of
    the differences (for shares: Connor, Biometrics 43, 1987). None when the mean is not positive,
    since no number of samples would then be expected to show a gain.
    """
    d = fmean(differences)
    if d <= 0:
        return None
    q = fmean(x * x for x in differences)
    z_alpha = NormalDist().inv_cdf(0.5 + level / 2)
    z_power = NormalDist().inv_cdf(POWER)
    return ceil(((z_alpha * sqrt(q) + z_power * sqrt(max(0.0, q - d * d))) / d) ** 2)


def paired_differences(a: Evaluation, b: Evaluation) -> list[float]:
    """Score of b minus score of a, sample by sample.

    Raises StaleArtifactError when samples or metric differ.
    """
    return [y - x for x, y in zip(*_paired(a, b), strict=True)]


def _paired(a: Evaluation, b: Evaluation) -> tuple[list[float], list[float]]:
    """Scores in one order of samples."""
    ours, theirs = _by_sample(a), _by_sample(b)
    data_a, data_b = a.manifest.dataset_digest, b.manifest.dataset_digest
    if ours.keys() != theirs.keys() or a.metric != b.metric or data_a != data_b:
        raise StaleArtifactError(
            f"{a.builder} and {b.builder} were not measured on the same samples with the same "
            f"metric: {len(ours)} samples by {a.metric}, {len(theirs)} by {b.metric}, "
            f"{len(ours.keys() & theirs.keys())} in common, data {data_a} and {data_b}.",
            hint="Run `advisor baseline` again, so that both are measured on the data as it is.",
        )
    return list(ours.values()), [theirs[sample_id] for sample_id in ours]


def _by_sample(evaluation: Evaluation) -> Mapping[str, float]:
    twice = repeated(score.sample_id for score in evaluation.scores)
    if twice:
        raise StaleArtifactError(
            f"{evaluation.builder} was measured on {len(twice)} sample ids more than once, the "
            f"first is '{twice[0]}'; scores cannot be paired by them.",
            hint="Give every row its own id, and run `advisor baseline` again.",
        )
    return {score.sample_id: score.value for score in evaluation.scores}


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Phi of a two-by-two table with Newcombe's correction; 0 where a margin is empty."""
    n = len(a)
    both = sum(x == y == 1 for x, y in zip(a, b, strict=True))
    neither = sum(x == y == 0 for x, y in zip(a, b, strict=True))
    right_a, right_b = round(sum(a)), round(sum(b))
    margins = right_a * (n - right_a) * right_b * (n - right_b)
    if margins == 0:
        return 0.0
    product = float(both * neither - (right_a - both) * (right_b - both))
    if product > 0:
        product = max(product - n / 2, 0.0)
    return product / sqrt(margins)


def _hypotenuse(x: float, y: float, phi: float) -> float:
    return sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))


def _difference_interval(
    differences: Sequence[float], *, seed: int, level: float
) -> ConfidenceInterval:
    """Bootstrap; where it can see no spread, room for one-sided surprises at the stated level."""
    n = len(differences)
    if n < FEWEST_FOR_BOOTSTRAP or len(set(differences)) == 1:
        room = proportion_interval(0, n, level=level).high
        middle = fmean(differences)
        low, high = middle - room * (1 + middle), middle + room * (1 - middle)
    else:
        low, high = bootstrap_interval(differences, seed=seed, level=level)
    return ConfidenceInterval(low=max(-1.0, low), high=min(1.0, high), level=level)
