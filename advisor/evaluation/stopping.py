"""When enough was seen: a question decided by evidence that may be looked at after every item."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import exp, log
from typing import Literal, NamedTuple

from advisor.errors import PluginContractError
from advisor.evaluation.betting import Groups, Mixture, Wealth, most_wealth
from advisor.schema.base import ConfidenceInterval
from advisor.schema.evaluation import Stopping

ERROR_RATE = 0.05
LAST_LOOK = 0.5
"""Share of the error rate that is kept for the ordinary interval when all items were asked: a
watch alone would throw away much of what the whole test part can show."""
Decision = Literal["above", "below", "undecided"]

TARGET_MIXTURE: Mixture = ((0.05, 0.15), (0.1, 0.5), (0.2, 0.2), (0.4, 0.15))
"""Distances from the supposed mean, and the share of the capital staked on each."""
DIFFERENCE_MIXTURE: Mixture = ((0.04, 0.2), (0.1, 0.3), (0.2, 0.2), (0.3, 0.15), (0.45, 0.15))
"""Differences of pairs often are 0, so that they spread little and larger stakes are right."""
BISECTIONS = 30


class Terms(NamedTuple):
    """What is asked of the true mean, of which scores, and with which stakes."""

    against: float
    span: tuple[float, float]
    mixture: Mixture
    last_look: float


class Watch:
    """A running question on the true mean of scores; scores are added in the planned order.

    `groups` names the document or group of every planned item, in their order: items of one group
    are one observation, made when its last one has come. Where only a beginning of the plan is
    known, `largest` says how many items the largest planned group has.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        planned: int,
        error_rate: float = ERROR_RATE,
        groups: Sequence[str] | None = None,
        largest: int = 1,
    ) -> None:
        self.against = terms.against
        self.error_rate = error_rate
        self.planned = planned
        self.items = 0
        self.skipped = 0
        self._span = terms.span
        self._mixture = terms.mixture
        self._each = error_rate * (1 - terms.last_look)
        self._groups = Groups(groups, largest=largest)
        middle = self._scaled(self.against)
        self._above = Wealth(middle, self._mixture, self._each)
        self._below = Wealth(1 - middle, self._mixture, self._each)
        self._seen: list[tuple[float, int]] = []
        self._decision: Decision = "undecided"

    def add(self, score: float) -> None:
        """Take the next item's score in. Raises PluginContractError when it is out of range."""
        low, high = self._span
        if not low <= score <= high:
            raise PluginContractError(
                f"A score is {score}, outside of {low:g} to {high:g}.",
                hint="A metric's scores run from 0 to 1.",
            )
        self._take(self._scaled(score))

    def skip(self) -> None:
        """Pass over the next item: nothing is known of it that could decide anything."""
        self.skipped += 1
        self._take(None)

    def _take(self, scaled: float | None) -> None:
        whole = self._groups.add(self.items, scaled)
        self.items += 1
        if whole is None:
            return
        total, count = whole
        self._seen.append(whole)
        self._above.bet(total, count, self._groups.largest)
        self._below.bet(count - total, count, self._groups.largest)
        if self._decision == "undecided":
            self._decision = self._now()

    @property
    def decision(self) -> Decision:
        """The first answer that was shown; it does not change when more is seen."""
        return self._decision

    @property
    def interval(self) -> ConfidenceInterval:
        """Where the true mean lies, valid at every look at once at 1 - 2 x the error rate.

        All means against which neither bettor ever won; it leaves out the target once decided.
        """
        low = self._bound([(total, count) for total, count in self._seen])
        high = 1 - self._bound([(count - total, count) for total, count in self._seen])
        ends = sorted((self._unscaled(low), self._unscaled(high)))
        return ConfidenceInterval(low=ends[0], high=ends[1], level=1 - 2 * self.error_rate)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of "the true mean is exactly `against`", valid at every look.

        Where part of the error is kept for a last look, p is larger by that part.
        """
        most = max(self._above.most, self._below.most)
        return min(1.0, 2 * exp(-most) * self.error_rate / self._each)

    def stopping(
        self, question: str, *, rival: str = "", saved_usd: float | None = None
    ) -> Stopping:
        """What the watch saw, for the evaluation's record."""
        return Stopping(
            question=question,
            decision=self._decision,
            against=self.against,
            error_rate=self.error_rate,
            items_used=self.items,
            items_planned=self.planned,
            interval=self.interval,
            saved_usd=saved_usd,
            rival=rival,
            skipped=self.skipped,
            largest_group=self._groups.largest,
        )

    def _now(self) -> Decision:
        if self._above.has_won:
            return "above"
        return "below" if self._below.has_won else "undecided"

    def _scaled(self, score: float) -> float:
        low, high = self._span
        return (score - low) / (high - low)

    def _unscaled(self, share: float) -> float:
        low, high = self._span
        return low + share * (high - low)

    def _bound(self, seen: Sequence[tuple[float, int]]) -> float:
        """Lowest mean that is not ruled out as too low; wealth falls as the supposed mean rises."""
        if not seen:
            return 0.0
        low, high = 0.0, 1.0
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            if most_wealth(seen, middle, self._mixture, self._groups.largest) >= -log(self._each):
                low = middle
            else:
                high = middle
        return low


def watch_target(
    target: float,
    *,
    planned: int,
    error_rate: float = ERROR_RATE,
    groups: Sequence[str] | None = None,
) -> Watch:
    """Is the true mean score above the target? For scores from 0 to 1, in the planned order."""
    terms = Terms(target, span=(0.0, 1.0), mixture=TARGET_MIXTURE, last_look=LAST_LOOK)
    return Watch(terms, planned=planned, error_rate=error_rate, groups=groups)


def interval_at_any_end(
    scores: Sequence[float | None],
    *,
    groups: Sequence[str] | None,
    error_rate: float = ERROR_RATE,
) -> ConfidenceInterval:
    """Where the true mean of scores lies when the scores themselves decided how many there are.

    `groups` are those of all planned items: what counts as one observation must not hang on where
    it ended. None stands for an item that has no score.
    """
    watch = watch_target(0.5, planned=len(scores), error_rate=error_rate, groups=groups)
    for score in scores:
        if score is None:
            watch.skip()
        else:
            watch.add(score)
    return watch.interval


def last_level(error_rate: float) -> float:
    """Level of the ordinary interval that may be read when all items were asked."""
    return 1 - 2 * error_rate * LAST_LOOK


def at_the_end(stopping: Stopping, interval: ConfidenceInterval) -> Stopping:
    """What is known once all items were asked and nothing had been decided.

    `interval` is an ordinary one at `last_level`. Its chance to be wrong and that of
    the watch together keep to the error rate, which is what the level given back says.
    """
    known = interval.model_copy(update={"level": 1 - 2 * stopping.error_rate})
    decision: Decision = "undecided"
    if interval.low >= stopping.against:
        decision = "above"
    elif interval.high < stopping.against:
        decision = "below"
    return stopping.model_copy(update={"decision": decision, "interval": known})


def watch_difference(
    *,
    planned: int,
    error_rate: float = ERROR_RATE,
    groups: Sequence[str] | None = None,
    largest: int = 1,
) -> Watch:
    """Is B better than A? For differences B - A of paired scores, from -1 to 1."""
    terms = Terms(0.0, span=(-1.0, 1.0), mixture=DIFFERENCE_MIXTURE, last_look=LAST_LOOK)
    return Watch(terms, planned=planned, error_rate=error_rate, groups=groups, largest=largest)


def fair_order(labels: Sequence[str], *, seed: int) -> list[int]:
    """Places of items in an order of which every beginning is a fair sample of the whole.

    Groups in seeded random order, the items of one together; an empty label is a group of its own.
    A file's own order will not do: it may be sorted by label or difficulty.
    """
    members: dict[str | int, list[int]] = {}
    for at, label in enumerate(labels):
        members.setdefault(label or at, []).append(at)
    groups = list(members.values())
    random.Random(seed).shuffle(groups)  # noqa: S311 - repeatable order, no secret
    return [at for group in groups for at in group]
