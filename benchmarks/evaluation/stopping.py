"""Evaluations that end when the gate's question is decided: how often wrongly, and how soon.

Every setting is simulated 2,000 times with at most 500 items, looked at after every one: 0/1
scores, easy and hard items mixed, graded scores; differences of pairs; items that share documents.
Where nothing was decided when all items were seen, the ordinary interval has the last look. A hair
beside the target nothing helps to be right, and a decision on the other side of it is wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from advisor.evaluation.intervals import clustered_interval, mean_interval
from advisor.evaluation.stopping import (
    ERROR_RATE,
    Decision,
    Watch,
    at_the_end,
    last_level,
    watch_difference,
    watch_target,
)
from advisor.schema.evaluation import Stopping

PLANNED = 500
RUNS = 2000
TARGETS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
POINTS = 0.1
HAIR = 0.0005
GRADED_TARGETS = (0.5, 0.7, 0.9)
"""Graded scores are simulated for these only: their last look is a bootstrap."""
GROUP = 5

Draw = Callable[[random.Random], float]


def measure() -> dict[str, Any]:
    """Wrong decisions and items used in every setting, and the worst of them."""
    rows = [
        _row(name, truth=truth, target=target, make=make, score=score, seed=number)
        for number, (name, target, truth, make, score) in enumerate(_settings())
    ]
    apart = [row for row in rows if row["points_from_target"] == 10]
    near = [row for row in rows if row["points_from_target"] != 10]
    plain = [row for row in apart if row["target"] and row["kind"] != "documents"]
    return {
        "runs_per_setting": RUNS,
        "items_planned": PLANNED,
        "error_rate": ERROR_RATE,
        "most_wrong_share": max(row["wrong_share"] for row in rows),
        "most_wrong_share_near_target": max(row["wrong_share"] for row in near),
        "most_median_share_of_items_at_10_points": max(row["median_share"] for row in plain),
        "least_right_share_at_10_points": min(row["right_share"] for row in plain),
        "most_median_share_of_differences_at_10_points": max(
            row["median_share"] for row in apart if not row["target"]
        ),
        "most_median_share_of_documents_at_10_points": max(
            row["median_share"] for row in apart if row["kind"] == "documents"
        ),
        "settings": rows,
    }


def _settings() -> Iterator[tuple[str, float, float, Callable[[], Watch], Draw]]:
    """Kind of scores, target, truth, a new watch, and a draw of one score."""
    for target in TARGETS:
        truths = [target - POINTS, target - HAIR, target + HAIR, target + POINTS]
        for truth in truths:
            if not 0 < truth < 1:
                continue
            for kind, draw in _kinds(truth, is_graded=target in GRADED_TARGETS):
                yield kind, target, truth, lambda t=target: watch_target(t, planned=PLANNED), draw  # type: ignore[misc]
    for share in (0.15, 0.3, 0.6):
        for truth in (-POINTS, -HAIR, HAIR, POINTS):
            yield (
                f"differences, {share:.0%} of pairs differ",
                0.0,
                truth,
                lambda: watch_difference(planned=PLANNED),
                _difference(share, truth),
            )
    labels = _labels()
    for truth in (0.6, 0.7 - HAIR, 0.7 + HAIR, 0.8):
        yield (
            "documents",
            0.7,
            truth,
            lambda: watch_target(0.7, planned=PLANNED, groups=labels),
            _Documents(truth, size=GROUP),
        )


def _kinds(truth: float, *, is_graded: bool) -> Iterator[tuple[str, Draw]]:
    room = min(truth, 1 - truth)
    yield "0/1", lambda draw: float(draw.random() < truth)
    if is_graded:
        scale = 1.5
        yield "graded", lambda draw: draw.betavariate(truth * scale, (1 - truth) * scale)
    easy, hard = truth + room * 0.8, truth - room * 0.8
    yield (
        "0/1, easy and hard items",
        lambda draw: float(draw.random() < (easy if draw.random() < 0.5 else hard)),
    )


def _difference(share: float, truth: float) -> Draw:
    better = (share + truth) / 2

    def draw_one(draw: random.Random) -> float:
        drawn = draw.random()
        return 1.0 if drawn < better else -1.0 if drawn < share else 0.0

    return draw_one


class _Documents:
    """Items of one document share its own difficulty (correlation 0.2)."""

    def __init__(self, truth: float, *, size: int) -> None:
        self._truth, self._size = truth, size
        self._left, self._share = 0, 0.0

    def __call__(self, draw: random.Random) -> float:
        if self._left == 0:
            self._left = self._size
            self._share = draw.betavariate(self._truth * 4, (1 - self._truth) * 4)
        self._left -= 1
        return float(draw.random() < self._share)

    def restart(self) -> None:
        """A new run begins with a new document."""
        self._left = 0


def _labels() -> list[str]:
    return [f"d{at // GROUP}" for at in range(PLANNED)]


def _row(
    kind: str, *, truth: float, target: float, make: Callable[[], Watch], score: Draw, seed: int
) -> dict[str, Any]:
    """How 2,000 runs of one setting end."""
    answer = "above" if truth > target else "below"
    right = wrong = early = 0
    items = []
    for number in range(RUNS):
        draw = random.Random(seed * RUNS + number)  # noqa: S311 - a simulation
        if isinstance(score, _Documents):
            score.restart()
        watch, scores = make(), []
        while watch.decision == "undecided" and watch.items < PLANNED:
            scores.append(score(draw))
            watch.add(scores[-1])
        decision: Decision = watch.decision
        early += watch.items < PLANNED
        if decision == "undecided" and target:
            decision = _last_look(target, scores, kind)
        right += decision == answer
        wrong += decision not in {answer, "undecided"}
        items.append(watch.items)
    return {
        "kind": kind,
        "target": target,
        "truth": round(truth, 4),
        "points_from_target": round(100 * abs(truth - target), 2),
        "right_share": right / RUNS,
        "wrong_share": wrong / RUNS,
        "ended_early_share": early / RUNS,
        "median_items": median(items),
        "median_share": median(items) / PLANNED,
    }


def _last_look(target: float, scores: list[float], kind: str) -> Decision:
    """What the ordinary interval decides when all items were seen."""
    level, is_binary = last_level(ERROR_RATE), kind != "graded"
    if kind == "documents":
        interval = clustered_interval(scores, _labels(), is_binary=True, level=level)[1]
    else:
        interval = mean_interval(scores, is_binary=is_binary, level=level)[1]
    undecided = Stopping(
        question=kind,
        decision="undecided",
        against=target,
        error_rate=ERROR_RATE,
        items_used=PLANNED,
        items_planned=PLANNED,
        interval=interval,
    )
    return at_the_end(undecided, interval).decision
