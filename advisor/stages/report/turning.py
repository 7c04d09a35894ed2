"""What would change the verdict: more samples, a larger gain, a regression less."""

from __future__ import annotations

from collections.abc import Iterator

from advisor.render.regression_words import worse_words
from advisor.render.safe import percent, signed, words
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Comparison, Evaluation
from advisor.schema.gate import GateVerdict
from advisor.schema.verify import Verification
from advisor.stages.report.headline import best_baseline, vetoes


def changes(
    gate: GateVerdict | None, baselines: Baselines | None, verification: Verification | None
) -> tuple[str, ...]:
    """Sentences on the last verdict that was given; none before any."""
    if verification is not None:
        return tuple(_of_verification(verification, best_baseline(baselines)))
    if gate is not None:
        return tuple(_of_gate(gate, baselines))
    return ()


def _of_verification(found: Verification, best: Evaluation | None) -> Iterator[str]:
    against = next((c for c in found.comparisons if best and c.a == best.builder), None)
    yield from _by_samples(found, against)
    for regression in vetoes(found):
        yield f"It is discarded for what got worse at {worse_words(regression, found.probes)}."
    if found.tolerated:
        yield f"What got worse elsewhere was let pass ({found.tolerated}); else it would discard."
    if found.target is not None and not found.target_met:
        short = found.target - found.tuned.interval.low
        yield (
            f"The target of {percent(found.target)} is met once the lower bound of the tuned "
            f"interval lies {100 * short:.1f} points higher."
        )


def _by_samples(found: Verification, against: Comparison | None) -> Iterator[str]:
    if found.more_items is not None:
        yield (
            f"About {found.more_items:,} more test samples would decide it in 4 of 5 repetitions, "
            "if the difference is as large as it looks."
        )
    if against is None:
        return
    low, high, name = against.interval.low, against.interval.high, words(against.a)
    level = percent(against.interval.level, 0)
    if found.verdict == "keep":
        yield (
            f"It would not be kept if the gain over {name} were {_points(low)} points smaller, for "
            f"then its {level} interval would hold 0."
        )
    elif low <= 0 and not vetoes(found):
        yield (
            f"It would be kept if the gain over {name} were {_points(-low)} points larger, the "
            f"spread being the same (now {_signed(low)} to {_signed(high)}, {level} interval)."
        )


def _of_gate(gate: GateVerdict, baselines: Baselines | None) -> Iterator[str]:
    for criterion in gate.criteria:
        if criterion.passed is False:
            yield f"Not met: {criterion.asked.rstrip('. ')} Seen: {criterion.seen.rstrip('. ')}."
        elif criterion.passed is None:
            yield f"Unknown: {criterion.asked.rstrip('. ')}"
    best = best_baseline(baselines)
    if gate.verdict == "train" and best is not None and gate.target is not None:
        yield (
            f"A baseline whose interval clears {percent(gate.target)}: the best, "
            f"{words(best.builder)}, has {percent(best.value)}."
        )


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _signed(share: float) -> str:
    return signed(100 * share)
