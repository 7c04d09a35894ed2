"""Which look at the dev split was the best, and whether more training has stopped helping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

from advisor.schema.plan import CheckpointChoice
from advisor.schema.train import DevPoint

UNMOVED = 0.002
"""A dev loss that has changed by no more than this share has not moved."""
LOOKS_TO_MOVE = 3


@dataclass(frozen=True)
class Choice:
    """The order of looks: by the task's metric, by the loss, or by nothing."""

    by: CheckpointChoice
    metric: str = ""
    higher_is_better: bool = True
    is_reward: bool = False
    """Whether the loss is a reward with its sign turned."""

    def best(self, points: Sequence[DevPoint]) -> DevPoint | None:
        """The best look after training began; None without one that can be compared.

        Equal scores are told apart by the loss, equal losses by the step: the earlier one.
        """
        after = [point for point in points if point.step > 0]
        kind = self._kind(after)
        if kind == "metric":
            return max(after, key=lambda p: (self._score(p), -_loss(p), -p.step))
        if kind == "loss":
            return min(after, key=lambda p: (_loss(p), p.step))
        return None

    def kept(self, points: Sequence[DevPoint], last: int) -> tuple[int, str]:
        """The step whose weights are kept, and why in words."""
        best = None if self.by == "last" else self.best(points)
        if self.by == "last":
            return last, "the last step, as the plan says"
        if not any(point.step for point in points):
            return last, "the last step; the plan asks for no looks at the dev split"
        if best is None:
            return last, "the last step: nothing could be compared on the dev split"
        looks = sum(point.step > 0 for point in points)
        if self._kind(points) == "metric":
            why = f"best {self.metric or 'metric'} on the dev split ({best.score:.3f})"
        elif self.is_reward:
            why = f"highest reward on the dev split ({-(best.loss or 0.0):.3f})"
        else:
            why = f"lowest dev loss ({best.loss:.3f})"
        return best.step, f"{why} of {looks} look{'s' if looks > 1 else ''}"

    def stale(self, points: Sequence[DevPoint]) -> int:
        """Looks since the best one."""
        best = self.best(points)
        return 0 if best is None else sum(point.step > best.step for point in points)

    def _kind(self, points: Sequence[DevPoint]) -> str:
        """The metric where every look has one and it is not told to go by the loss."""
        after = [point for point in points if point.step > 0]
        if self.by != "loss" and after and all(p.score is not None for p in after):
            return "metric"
        return "loss" if any(p.loss is not None for p in after) else ""

    def _score(self, point: DevPoint) -> float:
        score = point.score or 0.0
        return score if self.higher_is_better else -score


def _loss(point: DevPoint) -> float:
    return inf if point.loss is None or not isfinite(point.loss) else point.loss


def has_not_moved(points: Sequence[DevPoint]) -> bool:
    """Whether the dev loss stands where it stood before training, look after look."""
    losses = [point.loss for point in points if point.loss is not None]
    if not points or points[0].step > 0 or len(losses) <= LOOKS_TO_MOVE:
        return False
    before = losses[0]
    return all(abs(loss - before) <= UNMOVED * abs(before) for loss in losses[1:])


def look_steps(total: int, looks: int, every: int | None) -> frozenset[int]:
    """Steps after which the dev split is looked at: evenly spread, the last at the end."""
    if every is not None:
        return frozenset({*range(every, total + 1, every), total})
    return frozenset(max(1, round(total * n / looks)) for n in range(1, looks + 1))
