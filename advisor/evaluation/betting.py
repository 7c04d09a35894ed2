"""Bets on the mean of scores, whose wealth is evidence that may be looked at after every item.

The evidence is a bet against the question's other answer. With scores x from 0 to 1 and a
supposed mean m, the wealth prod(1 + l (x - m)) of a bettor who stakes l > 0 is a supermartingale
whenever the true mean is at most m, so it ever exceeds 1/a with probability a at most (Ville), no
matter when or how often one looks (Waudby-Smith and Ramdas, J. Royal Statistical Society B 86,
2024). Several stakes share the capital: each is the best one for 0/1 scores of another true mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log
from typing import Any

Mixture = tuple[tuple[float, float], ...]
"""Distances from the supposed mean, and the share of the capital staked on each."""

FURTHEST = 0.9
"""Share of the way from the supposed mean to 1 beyond which no stake goes: none may lose all."""


class Wealth:
    """Capital of a bettor on means above `middle`, one purse per stake."""

    def __init__(self, middle: float, mixture: Mixture, error_rate: float) -> None:
        self._middle = middle
        self._stakes = [stake(middle, distance) for distance, _ in mixture]
        self._logs = [log(weight) for _, weight in mixture]
        self._needed = -log(error_rate)
        self.most = 0.0

    @property
    def has_won(self) -> bool:
        """Whether the capital ever reached 1 / error rate times its start."""
        return self.most >= self._needed

    def bet(self, total: float, count: int, largest: int) -> None:
        """Settle the bets on a group's scores, weighed by its share of the largest group."""
        if self._middle <= 0 < total:
            self.most = inf
            return
        gain = (total - count * self._middle) / largest
        self._logs = [
            held + log(1 + each * gain) for held, each in zip(self._logs, self._stakes, strict=True)
        ]
        top = max(self._logs)
        self.most = max(self.most, top + log(sum(exp(held - top) for held in self._logs)))


class Groups:
    """Gathers scores until the last item of their group has come."""

    def __init__(self, labels: Sequence[str] | None, *, largest: int = 1) -> None:
        self._labels = [label or at for at, label in enumerate(labels or ())]
        self._left: dict[str | int, int] = {}
        for label in self._labels:
            self._left[label] = self._left.get(label, 0) + 1
        self.largest = max([largest, *self._left.values()])
        self._open: dict[str | int, list[float]] = {}

    def add(self, at: int, score: float | None) -> tuple[float, int] | None:
        """Sum and number of the scores of the group that this item makes whole, if any.

        An item without a score counts as come, and adds nothing.
        """
        known = [] if score is None else [score]
        if self._labels:
            label = self._labels[at]
            held = self._open.setdefault(label, [])
            held += known
            self._left[label] -= 1
            if self._left[label]:
                return None
            known = self._open.pop(label)
        return (sum(known), len(known)) if known else None


def stake(middle: float, distance: float) -> float:
    """The bet that grows fastest when 0/1 scores have their mean so far above `middle`.

    With q = middle + distance, never further than `FURTHEST` of the way to 1, it is
    (q - m) / (m (1 - m)): a score multiplies wealth by its likelihood ratio, q / m for a 1.
    """
    room = 1 - middle
    if middle <= 0 or room <= 0:
        return 0.0
    return min(distance, FURTHEST * room) / (middle * room)


def most_wealth(
    seen: Sequence[tuple[float, int]], middle: float, mixture: Mixture, largest: int
) -> float:
    """Largest log wealth ever held by a bettor on means above `middle`."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    table: Any = np.asarray(seen, dtype=float)
    gains = (table[:, :1] - table[:, 1:] * middle) / largest
    stakes = np.array([stake(middle, distance) for distance, _ in mixture])
    weights = np.log([weight for _, weight in mixture])
    held = weights + np.cumsum(np.log1p(gains * stakes), axis=0)
    return max(0.0, float(np.logaddexp.reduce(held, axis=1).max()))
