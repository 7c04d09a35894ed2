"""Cross-validation by source: every row predicted from the rows of all other sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.schema.throughput import Evidence, Throughput
from advisor.stages.estimate.throughput.place import place_of
from benchmarks.throughput.fit import Values, fit, residuals, throughput_of
from benchmarks.throughput.rows import Case

FOLD_ROUNDS = 4


@dataclass(frozen=True)
class LeftOut:
    """A row predicted without its source."""

    case: Case
    residual: float
    """Log of measured over predicted time."""
    evidence: Evidence
    """What the other sources hold of its cell."""
    known: Throughput
    """The constants that the other sources gave."""


def left_out(cases: Sequence[Case], base: Throughput, start: Values) -> list[LeftOut]:
    """Every case predicted by constants fitted to the other sources."""
    found = []
    for source in sorted({case.source for case in cases}):
        others = [case for case in cases if case.source != source]
        own = [case for case in cases if case.source == source]
        values = fit(others, base, start=start, rounds=FOLD_ROUNDS)
        fitted = throughput_of(values, base, others)
        for case, residual in zip(own, residuals(own, values, base), strict=True):
            level = place_of(fitted, case.works[0].plan.stack, case.gpu).evidence
            found.append(LeftOut(case, float(residual), level, fitted))
    return found
