"""Stage 7: did tuning help, and did it take what was estimated; no model is called here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from advisor.evaluation.compare import ValueOf, compare, corrected
from advisor.evaluation.intervals import meets
from advisor.evaluation.remarks import remarks
from advisor.schema.base import Interval, UsdInterval
from advisor.schema.baseline import Baselines
from advisor.schema.estimate import Memory, Option
from advisor.schema.evaluation import Comparison, Evaluation
from advisor.schema.train import TrainResult
from advisor.schema.verify import EstimateCheck, Quantity, Regression, Verification
from advisor.units import hours_from_seconds

ALPHA = 0.1
WORTHWHILE_GAIN = 0.05
"""A gain that cannot be larger than this is treated as none (docs/adr/0003)."""

LOCAL = "local"
"""What the catalog calls this machine."""

UNITS: dict[Quantity, str] = {
    "memory_gib": "GiB",
    "time_hours": "hours",
    "tokens_per_second": "tokens/s",
    "cost_usd": "USD",
}
Verdict = Literal["keep", "discard", "inconclusive"]


def verify(
    *,
    result: TrainResult,
    tuned: Evaluation,
    baselines: Baselines,
    estimate: Option | None,
    target: float | None,
    value_of: ValueOf | None = None,
) -> Verification:
    """Whether to keep the tuned model, measured against each baseline on the same samples.

    Keep: better than the best baseline beyond chance (the 90 % interval of the difference lies
    above 0 and the corrected p-value is at most 0.10). Discard: the interval lies below 0, or has
    no room for a gain of 5 points. Else inconclusive, with the number of test samples that would
    decide. The target is reported beside the verdict and does not change it. `value_of` is that of
    a metric of summed totals.

    Raises StaleArtifactError when tuned model and baselines were not measured on the same samples.
    """
    comparisons = corrected([compare(e, tuned, value_of=value_of) for e in baselines.evaluations])
    best = next(e for e in baselines.evaluations if e.builder == baselines.best)
    against_best = next(c for c in comparisons if c.a == best.builder)
    verdict, because = judge(against_best, best, tuned)
    target_met = None if target is None else meets(target, tuned.interval)
    return Verification(
        verdict=verdict,
        because=because,
        tuned=tuned,
        comparisons=tuple(comparisons),
        regressions=_regressions(comparisons, baselines, tuned),
        estimate_vs_measured=estimate_vs_measured(estimate, result) if estimate else (),
        target=target,
        target_met=target_met,
        warnings=_warnings(verdict, tuned, target, target_met=target_met),
    )


def judge(comparison: Comparison, best: Evaluation, tuned: Evaluation) -> tuple[Verdict, str]:
    """The verdict against the best baseline, and its reason in one sentence."""
    low, high = comparison.interval.low, comparison.interval.high
    seen = (
        f"{_percent(tuned.value)} against {_percent(best.value)} for {best.builder}, a difference "
        f"of {_points(comparison.difference)} points (90 % interval {_points(low)} to "
        f"{_points(high)}) on {comparison.n} samples"
    )
    if low > 0 and comparison.p_value <= ALPHA:
        return "keep", f"The tuned model is better beyond chance: {seen}."
    if high <= 0:
        return "discard", f"The tuned model is not better: {seen}."
    if high < WORTHWHILE_GAIN:
        return "discard", (
            f"Any gain is smaller than {100 * WORTHWHILE_GAIN:.0f} points, too little to serve a "
            f"tuned model for: {seen}."
        )
    return "inconclusive", f"Chance may explain what was seen: {seen}. {_remedy(comparison)}"


def _remedy(comparison: Comparison) -> str:
    needed = comparison.items_needed
    if needed is None or comparison.difference <= 0:
        return "More test samples are unlikely to show a gain; better data may."
    more = max(needed - comparison.n, 1)
    return (
        f"If the difference is as large as it looks, about {more} more test samples would show "
        "it in 4 of 5 cases."
    )


def _regressions(
    comparisons: Sequence[Comparison], baselines: Baselines, tuned: Evaluation
) -> tuple[Regression, ...]:
    """Baselines that the tuned model falls behind beyond chance, and new failures."""
    values = {e.builder: e.value for e in baselines.evaluations}
    found = [
        Regression(
            what=f"{tuned.metric} of {c.a}",
            before=values[c.a],
            after=tuned.value,
            note=f"The tuned model got {c.only_a} samples wrong or worse that {c.a} had.",
        )
        for c in comparisons
        if c.interval.high < 0 and c.p_value <= ALPHA
    ]
    fewest = min(e.failures for e in baselines.evaluations)
    if tuned.failures > fewest:
        found.append(
            Regression(
                what="samples without an answer",
                before=fewest,
                after=tuned.failures,
                note="They count as 0 in the score.",
            )
        )
    return tuple(found)


def estimate_vs_measured(option: Option, result: TrainResult) -> tuple[EstimateCheck, ...]:
    """Estimated memory, hours, speed and cost beside what training took; unknown stays None.

    Training ran here, so its cost is known only where here is what was priced. Its speed counts
    real tokens; an estimate from the sequence length alone counts padding too, and whether the
    one lies inside the other is then left open.
    """
    hours = hours_from_seconds(result.wall_seconds)
    memory = _tier(option.memory, result.memory_tier)
    speed = _check("tokens_per_second", "speed", option.tokens_per_second, result.tokens_per_second)
    if option.plan.tokens is None:
        speed = speed.model_copy(update={"inside": None})
    return (
        _check("memory_gib", f"{result.memory_tier} memory", memory, result.peak_memory_gib),
        _check("time_hours", "training time", option.time_hours, hours),
        speed,
        _check("cost_usd", "cost", option.cost_usd, _cost(option, hours)),
    )


def _tier(memory: Memory, tier: str) -> Interval | None:
    tiers = {
        "allocated": memory.allocated_gib,
        "reserved": memory.reserved_gib,
        "process": memory.process_gib,
    }
    return tiers[tier]


def _cost(option: Option, hours: float) -> float | None:
    """Hours taken at the offer's price; None where there is none, or it is another machine's."""
    if option.offer is None or option.gpu != LOCAL:
        return None
    return float(option.offer.usd_per_gpu_hour) * option.gpus * hours


def _check(
    id_: Quantity, quantity: str, estimated: Interval | UsdInterval | None, measured: float | None
) -> EstimateCheck:
    bounds = (float(estimated.low), float(estimated.high)) if estimated else None
    return EstimateCheck(
        id=id_,
        quantity=quantity,
        unit=UNITS[id_],
        estimated_low=bounds[0] if bounds else None,
        estimated_likely=float(estimated.likely) if estimated else None,
        estimated_high=bounds[1] if bounds else None,
        measured=measured,
        inside=bounds[0] <= measured <= bounds[1] if bounds and measured is not None else None,
    )


def _warnings(
    verdict: Verdict, tuned: Evaluation, target: float | None, *, target_met: bool | None
) -> tuple[str, ...]:
    found = []
    if target is not None and not target_met:
        still = "better than every baseline, yet " if verdict == "keep" else ""
        found.append(
            f"The tuned model is {still}below the target: the lower bound of its interval is "
            f"{_percent(tuned.interval.low)}, the target {_percent(target)}."
        )
    return (*found, *remarks(tuned))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}"
