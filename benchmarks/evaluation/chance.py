"""Intervals and tests against chance itself: simulated evaluations whose truth is known.

Stated: 90 % intervals, tests at 10 %; a proof, and the gain that it shows, at 5 %. An interval is
right when it holds the truth in 90 of 100 runs; a test when it finds a difference where there is
none in at most 10.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from advisor.evaluation.compare import compare, compare_all
from advisor.evaluation.detectable import PROOF_LEVEL, detectable_gain, independent
from advisor.evaluation.differences import exact_mcnemar
from advisor.evaluation.intervals import mean_interval, score_interval
from advisor.schema.evaluation import Evaluation, ScoredSample
from tests.fixtures import values

ALPHA = 0.1
RUNS = 1000
COSTLY_RUNS = 300
"""Where every run is a bootstrap or a permutation test."""

Draw = random.Random


def measure() -> dict[str, Any]:
    """Coverage of every interval, false alarms of every test, power at the detectable gain."""
    return {
        "stated_coverage": 0.9,
        "stated_false_alarms": ALPHA,
        "coverage": coverage(),
        "false_alarms": false_alarms(),
        "power_at_detectable_gain": power(),
    }


def coverage() -> dict[str, float]:
    """Share of runs whose interval holds the truth."""
    found = {}
    for share, n in ((0.5, 50), (0.8, 200), (0.95, 200)):
        found[f"Wilson, share {share}, {n} samples"] = _share(RUNS, _wilson(share, n))
    for a, b, n in ((2.0, 5.0, 40), (0.5, 0.5, 200)):
        found[f"bootstrap, beta({a:g}, {b:g}), {n} samples"] = _share(COSTLY_RUNS, _beta(a, b, n))
    for groups, size, alike in ((10, 20, 0.1), (37, 5, 0.2), (8, 10, 0.3)):
        name = f"{groups} documents of {size}, correlation {alike}"
        found[f"Wilson with design effect, {name}"] = _share(
            RUNS, _documents(groups, size, alike, is_binary=True)
        )
        found[f"Wilson as if independent, {name}"] = _share(
            RUNS, _documents(groups, size, alike, is_binary=True, is_told=False)
        )
        found[f"cluster bootstrap, {name}"] = _share(
            COSTLY_RUNS, _documents(groups, size, alike, is_binary=False)
        )
    found["bootstrap of totals, macro F1 of 5 labels, 200 samples"] = _share(
        COSTLY_RUNS, _macro(labels=5, n=200, right=0.8)
    )
    return found


def false_alarms() -> dict[str, float]:
    """Share of runs in which two equal systems are told apart."""
    found = {}
    for n, apart in ((50, 0.1), (200, 0.1), (200, 0.4)):
        found[f"exact McNemar, {n} samples, {apart:.0%} differ"] = _share(RUNS, _pairs(n, apart))
    found["sign-flip permutation, 60 graded samples"] = _share(COSTLY_RUNS, _graded)
    found["cluster sign-flip permutation, 15 documents of 8"] = _share(
        COSTLY_RUNS, _clustered_pairs(is_told=True)
    )
    found["sign-flip as if independent, 15 documents of 8"] = _share(
        COSTLY_RUNS, _clustered_pairs(is_told=False)
    )
    found["any of 6 pairs of 4 equal systems, after Holm"] = _share(COSTLY_RUNS, _family)
    found["any of 6 pairs of 4 equal systems, without Holm"] = _share(COSTLY_RUNS, _uncorrected)
    found["betting, one system ended when it looked bad"] = _share(COSTLY_RUNS, _ended("decided"))
    found["McNemar, one system ended when it looked bad"] = _share(COSTLY_RUNS, _ended("budget"))
    return found


def power() -> dict[str, float]:
    """Share of runs in which McNemar's test sees the gain that is called detectable."""
    found = {}
    for n in (60, 120, 200, 500):
        gain = detectable_gain(n, baseline=0.7)
        differ = independent(0.7, gain)
        found[f"{n} samples, {100 * gain:.1f} points over 70 %"] = _share(
            RUNS, _pairs(n, differ, gain)
        )
    return found


def _share(runs: int, is_hit: Callable[[Draw], bool]) -> float:
    return sum(is_hit(random.Random(seed)) for seed in range(runs)) / runs  # noqa: S311 - simulation


def _wilson(share: float, n: int) -> Callable[[Draw], bool]:
    def holds(draw: Draw) -> bool:
        scores = [float(draw.random() < share) for _ in range(n)]
        _, interval = mean_interval(scores, is_binary=True)
        return interval.low <= share <= interval.high

    return holds


def _beta(a: float, b: float, n: int) -> Callable[[Draw], bool]:
    def holds(draw: Draw) -> bool:
        scores = [draw.betavariate(a, b) for _ in range(n)]
        _, interval = mean_interval(scores, is_binary=False)
        return interval.low <= a / (a + b) <= interval.high

    return holds


def _documents(
    groups: int, size: int, alike: float, *, is_binary: bool, is_told: bool = True
) -> Callable[[Draw], bool]:
    """Documents with a share of right answers of their own around 0.7."""
    spread = (1 - alike) / alike

    def holds(draw: Draw) -> bool:
        scores, labels = [], []
        for group in range(groups):
            share = draw.betavariate(0.7 * spread, 0.3 * spread)
            for _ in range(size):
                noise = draw.uniform(-1, 1) * min(share, 1 - share)
                scores.append(float(draw.random() < share) if is_binary else share + noise)
                labels.append(f"d{group}")
        told = labels if is_told else None
        _, interval, _ = score_interval(_scored(scores), is_binary=is_binary, clusters=told)
        return interval.low <= 0.7 <= interval.high

    return holds


def _macro(*, labels: int, n: int, right: float) -> Callable[[Draw], bool]:
    """Labels of falling frequency, wrong answers anywhere; the truth from 200,000 samples."""
    weights = [1 / (1 + label) for label in range(labels)]

    def totals(draw: Draw, count: int) -> list[dict[str, float]]:
        rows = []
        for gold in draw.choices(range(labels), weights, k=count):
            said = gold if draw.random() < right else draw.randrange(labels)
            rows.append(
                {f"right {gold}": 1.0}
                if said == gold
                else {f"said {said}": 1.0, f"missed {gold}": 1.0}
            )
        return rows

    def value_of(counts: Mapping[str, float]) -> float:
        scores = []
        for label in range(labels):
            hits = 2 * counts.get(f"right {label}", 0.0)
            errors = counts.get(f"said {label}", 0.0) + counts.get(f"missed {label}", 0.0)
            if hits + errors:
                scores.append(hits / (hits + errors))
        return sum(scores) / len(scores)

    summed: dict[str, float] = {}
    for row in totals(random.Random(-1), 200_000):  # noqa: S311 - simulation
        for name, count in row.items():
            summed[name] = summed.get(name, 0.0) + count
    truth = value_of(summed)

    def holds(draw: Draw) -> bool:
        rows = totals(draw, n)
        scored = [
            score.model_copy(update={"totals": row})
            for score, row in zip(_scored([0.0] * n), rows, strict=True)
        ]
        _, interval, _ = score_interval(scored, is_binary=False, value_of=value_of)
        return interval.low <= truth <= interval.high

    return holds


def _pairs(n: int, differ: float, gain: float = 0.0) -> Callable[[Draw], bool]:
    """Whether McNemar's test finds b different, or with a gain whether it proves b better."""
    alpha = 1 - PROOF_LEVEL if gain else ALPHA
    better = (differ + gain) / 2

    def is_found(draw: Draw) -> bool:
        drawn = [draw.random() for _ in range(n)]
        only_b = sum(each < better for each in drawn)
        only_a = sum(better <= each < differ for each in drawn)
        return exact_mcnemar(only_a, only_b) <= alpha and (not gain or only_b > only_a)

    return is_found


def _graded(draw: Draw) -> bool:
    a = [draw.random() for _ in range(60)]
    b = [min(1.0, max(0.0, each + draw.gauss(0, 0.2))) for each in a]
    return _differ(_evaluation("a", a), _evaluation("b", b))


def _clustered_pairs(*, is_told: bool) -> Callable[[Draw], bool]:
    def is_found(draw: Draw) -> bool:
        a, b, labels = [], [], []
        for group in range(15):
            lean = draw.gauss(0, 0.2)
            for _ in range(8):
                a.append(draw.uniform(0.3, 0.7))
                b.append(min(1.0, max(0.0, a[-1] + lean + draw.gauss(0, 0.05))))
                labels.append(f"d{group}" if is_told else "")
        return _differ(_evaluation("a", a, labels), _evaluation("b", b, labels))

    return is_found


def _four(draw: Draw) -> list[Evaluation]:
    hard = [draw.random() for _ in range(150)]
    return [
        _evaluation(name, [float(draw.random() < 0.4 + 0.4 * each) for each in hard])
        for name in "abcd"
    ]


def _family(draw: Draw) -> bool:
    return any(found.p_value <= ALPHA for found in compare_all(_four(draw)))


def _uncorrected(draw: Draw) -> bool:
    systems = _four(draw)
    return any(_differ(a, b) for at, a in enumerate(systems) for b in systems[at + 1 :])


def _ended(how: str) -> Callable[[Draw], bool]:
    """Two equal systems; a ends when its running score looks bad, b is seen on the same samples."""

    def is_found(draw: Draw) -> bool:
        a = [float(draw.random() < 0.6) for _ in range(300)]
        b = [float(draw.random() < 0.6) for _ in range(300)]
        total, count = 0.0, 0
        while count < 300 and (count < 40 or total / count > 0.6 - 1.5 * (0.24 / count) ** 0.5):
            total, count = total + a[count], count + 1
        one = _evaluation("a", a[:count]).model_copy(update={"ended": how})
        return _differ(one, _evaluation("b", b))

    return is_found


def _differ(a: Evaluation, b: Evaluation) -> bool:
    return compare(a, b).p_value <= ALPHA


def _scored(scores: list[float], labels: list[str] | None = None) -> list[ScoredSample]:
    groups = labels or [""] * len(scores)
    return [
        values.scored(at, score).model_copy(update={"group": group})
        for at, (score, group) in enumerate(zip(scores, groups, strict=True))
    ]


def _evaluation(name: str, scores: list[float], labels: list[str] | None = None) -> Evaluation:
    made: Evaluation = values.evaluation(
        name,
        value=sum(scores) / len(scores),
        n=len(scores),
        scores=tuple(_scored(scores, labels)),
        manifest=values.manifest(samples=len(scores)),
    )
    return made
