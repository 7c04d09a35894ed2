"""The words of a proof on terminal and pages: families of tests, order, what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import p_text, yes_no
from advisor.render.probe_words import NOTHING_TO_LOSE
from advisor.render.safe import UNKNOWN, percent, signed
from advisor.schema.verify import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from advisor.schema.base import ConfidenceInterval
    from advisor.schema.probe import ProbeFinding
    from advisor.schema.verify import EstimateCheck, Guess, Verification

NOT_TESTED = "not tested"
MAY_BE_CHANCE = "not shown: more than allowed, but chance may explain it (p {} over all probes)"
MADE_GOOD = "no, F1 rose"
FAMILIES = {
    "baselines": "a baseline different from the tuned model",
    "segments": "some segment worse",
    "probes": "some probe worse",
}
"""What each family of tests calls what it is not, now and then."""
GUESSES = {
    "answers_to_other_samples": "giving each sample its answer to another one",
    "most_frequent_target": "giving every sample the most frequent target",
}
"""What is reached without reading the samples."""
UNASKED = (
    "Forgetting was not measured: no packaged, general or named probe was asked of the model "
    "before and after."
)


def worst_first(segments: Sequence[Segment]) -> list[Segment]:
    """Those that are worse, then the largest losses of the tested, then the untested by size."""
    tested = [one for one in segments if one.p_value is not None or one.is_worse]
    ordered = sorted(tested, key=lambda one: (not one.is_worse, one.difference))
    rest = [one for one in segments if one.p_value is None and not one.is_worse]
    return [*ordered, *sorted(rest, key=lambda one: -one.n)]


def worse_word(found: Segment | ProbeFinding) -> str:
    """'yes', 'no', or that nobody could test it, which is no 'no'."""
    if isinstance(found, Segment):
        if _is_made_good(found):
            return MADE_GOOD
    elif found.nothing_to_lose:
        return NOTHING_TO_LOSE
    return yes_no(found.is_worse) if found.is_worse or found.p_value is not None else NOT_TESTED


def worse_reason(found: ProbeFinding) -> str:
    """`worse_word` for who sees no p-value beside it: a loss that chance may explain is no 'no'."""
    is_more = found.worse_by is not None and found.worse_by > found.allowed
    if found.is_worse or found.nothing_to_lose or not is_more:
        return worse_word(found)
    if found.p_value is None:
        return f"{NOT_TESTED}, and more than allowed"
    return MAY_BE_CHANCE.format(p_text(found.p_value))


def _is_made_good(found: Segment) -> bool:
    """Whether a label lost on its own samples and gained in F1, which is why it is not worse."""
    before, after = found.baseline_f1, found.tuned_f1
    if found.is_worse or before is None or after is None or found.interval is None:
        return False
    return found.interval.high < 0 and after >= before


def false_alarms(error_rates: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
    """What each family of tests wrongly calls, and in how many of 100 runs at most."""
    return tuple(
        (FAMILIES.get(name, name), f"{100 * rate:g}") for name, rate in error_rates.items()
    )


def alarm_sentence(error_rates: Mapping[str, float]) -> str:
    """The error rates in words; empty without any."""
    told = ", ".join(f"at most {count} call {what}" for what, count in false_alarms(error_rates))
    return f"False alarms: of 100 runs in which nothing differs, {told}." if told else ""


def outside_sentences(checks: Iterable[EstimateCheck]) -> list[str]:
    """By how much each measured quantity lies outside what was estimated, and what comes of it."""
    told = [
        f"{one.quantity} was {_times(one.measured / one.estimated_likely)} the estimate"
        for one in checks
        if one.inside is False and one.measured and one.estimated_likely
    ]
    if not told:
        return []
    kept = "Finished trainings are kept and correct later estimates on this machine"
    return [f"Outside the estimated range: {'; '.join(told)}. {kept} (`advisor calibration list`)."]


def _times(ratio: float) -> str:
    return f"{ratio:.2g} times"


def calm_sentence(found: Verification) -> str:
    """That nothing was found worse, and of how much that is said."""
    families = (("segments", found.segments), ("probes", found.probes))
    tested = {name: sum(one.p_value is not None for one in ones) for name, ones in families if ones}
    told = " and ".join(
        f"{tested[name]:,} of {len(ones):,} {name}" for name, ones in families if ones
    )
    if not any(tested.values()):
        return f"What got worse is unknown: {told} could be tested."
    return f"Nothing that was tested got worse beyond chance: {told} were tested."


def level_header(what: str, intervals: Iterable[ConfidenceInterval | None]) -> str:
    """'95 % interval': a column's name with the level of its intervals, all of them where mixed."""
    levels = sorted({one.level for one in intervals if one is not None})
    told = " and ".join(percent(level, 0) for level in levels)
    return f"{told} {what}" if told else what.capitalize()


def interval_points(interval: ConfidenceInterval | None) -> str:
    """'-4.2 to +1.0', in points; 'unknown' for None."""
    if interval is None:
        return UNKNOWN
    return f"{signed(100 * interval.low)} to {signed(100 * interval.high)}"


def guess_words(guess: Guess) -> str:
    """What a guess reaches, and how far the tuned model is from it."""
    against = guess.against
    return (
        f"{GUESSES[guess.what]} reaches {percent(guess.value)}, a difference of "
        f"{signed(100 * against.difference)} points ({100 * against.interval.level:.0f} % interval "
        f"{interval_points(against.interval)}) on {against.n} samples"
    )


def guesses_sentence(guesses: Sequence[Guess]) -> str:
    """What is reached without reading the samples; empty where it was not looked at."""
    told = [f"{GUESSES[one.what]} {percent(one.value)}" for one in guesses]
    return f"Without reading the samples: {'; '.join(told)}." if told else ""
