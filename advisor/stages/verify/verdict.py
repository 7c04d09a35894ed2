"""Keep, discard or inconclusive, and why, in sentences with their figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from advisor.evaluation.deciding import items_to_decide
from advisor.evaluation.sentences import TOO_MANY, is_clear
from advisor.render.safe import percent, signed, words
from advisor.schema.evaluation import Comparison, Evaluation
from advisor.schema.verify import Guess
from advisor.stages.verify.guessed import turned_by

WORTHWHILE_GAIN = 0.05
"""A gain that cannot be larger than this is treated as none (docs/adr/0003)."""

Verdict = Literal["keep", "discard", "inconclusive"]


class Judged(NamedTuple):
    """A verdict, its reason, and the further samples that would decide an open one."""

    verdict: Verdict
    because: str
    more_items: int | None = None


class Measured(NamedTuple):
    """What a verdict on the task rests on."""

    comparisons: Sequence[Comparison]
    """With all baselines, corrected after Holm."""
    best: Evaluation
    tuned: Evaluation
    guesses: Sequence[Guess] = ()


def judge(measured: Measured, elsewhere: Sequence[str], passed: Sequence[str] = ()) -> Judged:
    """The verdict: against the best baseline, then whether anything got worse that vetoes it.

    A baseline that is clearly ahead discards, whichever it is, and so does a guess that is not
    beaten. `elsewhere` says in words what vetoes beside them, `passed` what got worse and is
    tolerated.
    """
    comparisons, best, tuned, guesses = measured
    found = _behind_another(_against_best(comparisons, best, tuned), comparisons)
    found = _beyond_guessing(found, guesses)
    if not elsewhere:
        told = (
            f" It got worse elsewhere, which is tolerated: {'; '.join(passed)}." if passed else ""
        )
        return found._replace(because=found.because + told)
    worse = "; ".join(elsewhere)
    if found.verdict == "discard":
        return found._replace(because=f"{found.because} It also got worse elsewhere: {worse}.")
    against = next(c for c in comparisons if c.a == best.builder)
    return Judged(
        "discard",
        f"The tuned model got worse elsewhere: {worse}; on the whole it has "
        f"{_seen(against, best, tuned)}.",
    )


def _against_best(comparisons: Sequence[Comparison], best: Evaluation, tuned: Evaluation) -> Judged:
    found = next(c for c in comparisons if c.a == best.builder)
    low, high, seen = found.interval.low, found.interval.high, _seen(found, best, tuned)
    if low > 0 and is_clear(found):
        return Judged("keep", f"The tuned model is better beyond chance: {seen}.")
    if high <= 0:
        return Judged("discard", f"The tuned model is not better: {seen}.")
    if high < WORTHWHILE_GAIN:
        return Judged(
            "discard",
            f"Any gain is smaller than {100 * WORTHWHILE_GAIN:.0f} points, too little to serve a "
            f"tuned model for: {seen}.",
        )
    needed = items_to_decide(found, worthwhile=WORTHWHILE_GAIN, rivals=_rivals(found, comparisons))
    more = None if needed is None else max(1, needed - found.n)
    return Judged(
        "inconclusive", f"Chance may explain what was seen: {seen}. {_remedy(found, more)}", more
    )


def _behind_another(found: Judged, comparisons: Sequence[Comparison]) -> Judged:
    """The verdict against the best baseline, or `discard` where another one is clearly ahead.

    The best one scores highest on what it was asked; another may have been asked less of it.
    """
    ahead = [c for c in comparisons if c.interval.high < 0 and is_clear(c)]
    if found.verdict == "discard" or not ahead:
        return found
    first = min(ahead, key=lambda c: c.difference)
    span = f"{points(first.interval.low)} to {points(first.interval.high)}"
    return Judged(
        "discard",
        f"The baseline {words(first.a)} is better beyond chance: on the {first.n} samples that "
        f"both were asked the tuned model is {points(first.difference)} points from it "
        f"({100 * first.interval.level:.0f} % interval {span}).",
    )


def _beyond_guessing(found: Judged, guesses: Sequence[Guess]) -> Judged:
    """The verdict against the baselines, or a lesser one where a guess is not beaten."""
    turned = turned_by(guesses)
    if turned is None or found.verdict == "discard":
        return found
    verdict, why = turned
    because = f"{found.because} Yet {why[:1].lower()}{why[1:]}"
    if verdict == found.verdict:
        return found._replace(because=because)
    return Judged(verdict, because)


def _rivals(best: Comparison, comparisons: Sequence[Comparison]) -> int:
    """By how much Holm multiplies the p-value of this one: those that are no clearer, itself too.

    Corrected p-values keep the order of the others, so that they may be asked of them.
    """
    return max(1, sum(c.p_value >= best.p_value for c in comparisons))


def _remedy(comparison: Comparison, more: int | None) -> str:
    unlikely = "More test samples are unlikely to show a gain; better data may."
    if more is None:
        return unlikely
    told = f"more than {TOO_MANY:,}" if more > TOO_MANY else f"about {more:,} more"
    if comparison.difference <= 0:
        return f"{unlikely} It would take {told} test samples to rule one out in 4 of 5 cases."
    return (
        f"If the difference is as large as it looks, {told} test samples would decide it in 4 of 5 "
        "cases."
    )


def _seen(comparison: Comparison, best: Evaluation, tuned: Evaluation) -> str:
    interval = comparison.interval
    return (
        f"{percent(tuned.value)} against {percent(best.value)} for {words(best.builder)}, a "
        f"difference of {points(comparison.difference)} points ({100 * interval.level:.0f} % "
        f"interval {points(interval.low)} to {points(interval.high)}) on {comparison.n} samples"
    )


def points(difference: float) -> str:
    """A difference of shares in points, with its sign."""
    return signed(100 * difference)
