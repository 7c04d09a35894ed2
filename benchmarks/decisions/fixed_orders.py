"""The best advice that looks at no fact: one order of families, found on other sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.decisions.cases import FAMILIES, Case
from benchmarks.decisions.ranking import Answer
from benchmarks.decisions.table import Row

PRIOR_VOTES = 1.0
"""Votes of the rate over all families that a family's own rate is mixed with."""
NEGLIGIBLE = 1e-9
Order = tuple[str, ...]


@dataclass(frozen=True)
class Payoffs:
    """What each pick brings, summed over sources, for every set of families measured together."""

    accepted: Mapping[frozenset[str], Mapping[str, float]]
    lost: Mapping[frozenset[str], Mapping[str, float]]

    def of(self, order: Order) -> tuple[float, float]:
        """Votes for acceptable picks, and minus the votes' regret; greater is better."""
        place = {family: number for number, family in enumerate(order)}
        accepted = lost = 0.0
        for together, gains in self.accepted.items():
            pick = min(together, key=place.__getitem__)
            accepted += gains[pick]
            lost += self.lost[together][pick]
        return accepted, -lost


def fixed_answers(
    rows: Sequence[Row], training: Sequence[Case], order_of: Callable[[Sequence[Case]], Order]
) -> dict[str, Answer]:
    """Answers by case id: order and base rates of the training sources without the case's own."""
    by_source: dict[str, tuple[Order, Mapping[str, float]]] = {}
    answers = {}
    for row in rows:
        source = row.case.source
        if source not in by_source:
            others = [case for case in training if case.source != source]
            by_source[source] = (order_of(others), base_rates(others))
        order, rates = by_source[source]
        answers[row.case.id] = Answer(order, rates, first=order[:1])
    return answers


def rate_order(cases: Sequence[Case]) -> Order:
    """The families by their share of acceptable cases, every case counted once (add-one rule)."""
    seen = dict.fromkeys(FAMILIES, 0)
    right = dict.fromkeys(FAMILIES, 0)
    for case in cases:
        for family in case.values:
            seen[family] += 1
            right[family] += family in case.acceptable
    return tuple(sorted(FAMILIES, key=lambda f: -(right[f] + 1) / (seen[f] + 2)))


def best_order(cases: Sequence[Case]) -> Order:
    """The order with the most acceptable first picks, then the least regret.

    Found by moving one family at a time from the order of cost and from the order of base rates
    until no move helps; the better of the two.
    """
    payoffs = payoffs_of(cases)
    rates = base_rates(cases)
    starts = (tuple(FAMILIES), tuple(sorted(FAMILIES, key=lambda family: -rates[family])))
    return max((_climbed(start, payoffs) for start in starts), key=payoffs.of)


def payoffs_of(cases: Sequence[Case]) -> Payoffs:
    """The votes that every pick would bring on these cases."""
    accepted: dict[frozenset[str], dict[str, float]] = {}
    lost: dict[frozenset[str], dict[str, float]] = {}
    all_votes, told_votes = votes(cases), votes(case for case in cases if case.is_absolute)
    for case in cases:
        together = frozenset(case.values)
        gains = accepted.setdefault(together, dict.fromkeys(together, 0.0))
        losses = lost.setdefault(together, dict.fromkeys(together, 0.0))
        best = max(case.values.values())
        for family, value in case.values.items():
            gains[family] += all_votes[case.id] * (family in case.acceptable)
            losses[family] += told_votes.get(case.id, 0.0) * (best - value)
    return Payoffs(accepted, lost)


def base_rates(cases: Sequence[Case]) -> dict[str, float]:
    """How often a measured family is acceptable, by family, one vote per source."""
    shares = votes(cases)
    right = dict.fromkeys(FAMILIES, 0.0)
    seen = dict.fromkeys(FAMILIES, 0.0)
    for case in cases:
        for family in case.values:
            seen[family] += shares[case.id]
            right[family] += shares[case.id] * (family in case.acceptable)
    overall = sum(right.values()) / max(sum(seen.values()), NEGLIGIBLE)
    return {
        family: (right[family] + PRIOR_VOTES * overall) / (seen[family] + PRIOR_VOTES)
        for family in FAMILIES
    }


def votes(cases: Iterable[Case]) -> dict[str, float]:
    """Every case's share of its source's one vote."""
    listed = list(cases)
    weights: dict[str, float] = {}
    for case in listed:
        weights[case.source] = weights.get(case.source, 0.0) + case.weight
    return {case.id: case.weight / weights[case.source] for case in listed}


def _climbed(order: Order, payoffs: Payoffs) -> Order:
    best, reached = order, payoffs.of(order)
    while True:
        found, value = max(
            ((moved, payoffs.of(moved)) for moved in _moves(best)), key=lambda item: item[1]
        )
        if not _is_better(value, reached):
            return best
        best, reached = found, value


def _is_better(one: tuple[float, float], other: tuple[float, float]) -> bool:
    if abs(one[0] - other[0]) > NEGLIGIBLE:
        return one[0] > other[0]
    return one[1] > other[1] + NEGLIGIBLE


def _moves(order: Order) -> Iterable[Order]:
    """Every order that comes from taking one family elsewhere."""
    for place, family in enumerate(order):
        rest = order[:place] + order[place + 1 :]
        for target in range(len(order)):
            if target != place:
                yield (*rest[:target], family, *rest[target:])
