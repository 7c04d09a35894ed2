"""What the tuned model does worse: than a baseline, in a segment, on a probe, in failures."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.evaluation.sentences import is_clear
from advisor.render.regression_words import regression_name
from advisor.render.safe import signed
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Comparison, Evaluation
from advisor.schema.probe import ProbeFinding
from advisor.schema.verify import Regression, Segment


def regressions(
    comparisons: Sequence[Comparison],
    baselines: Baselines,
    tuned: Evaluation,
    *,
    segments: Sequence[Segment],
    probes: Sequence[ProbeFinding],
    is_tolerated: bool,
) -> tuple[Regression, ...]:
    """Everything that got worse beyond chance; `vetoes` says what alone discards the model.

    New failures count as 0 in the score already, and veto nothing by themselves. Where regressions
    elsewhere are tolerated, those of segments and probes are listed and veto nothing.
    """
    return (
        *_behind(comparisons, baselines, tuned),
        *(_of_segment(one, vetoes=not is_tolerated) for one in segments if one.is_worse),
        *(_of_probe(one, vetoes=not is_tolerated) for one in probes if one.is_worse),
        *_failures(baselines, tuned),
    )


def _behind(
    comparisons: Sequence[Comparison], baselines: Baselines, tuned: Evaluation
) -> list[Regression]:
    """Baselines that the tuned model falls behind beyond chance."""
    values = {e.builder: e.value for e in baselines.evaluations}
    return [
        Regression(
            kind="baseline",
            what=f"{tuned.metric} of {c.a}",
            before=values[c.a],
            after=tuned.value,
            note=f"The tuned model got {c.only_a} samples wrong or worse that {c.a} had.",
            vetoes=True,
        )
        for c in comparisons
        if c.interval.high < 0 and is_clear(c)
    ]


def _of_segment(found: Segment, *, vetoes: bool) -> Regression:
    span = ""
    if found.interval is not None:
        low, high = 100 * found.interval.low, 100 * found.interval.high
        span = (
            f", {100 * found.interval.level:.0f} % interval {signed(low)} to {signed(high)} points"
        )
    return Regression(
        kind="segment",
        what=f"{found.kind} '{found.name}'",
        before=found.baseline,
        after=found.tuned,
        note=f"{found.n} samples{span}, p = {found.p_value or 0:.2g} after Holm over the segments.",
        vetoes=vetoes,
    )


def _of_probe(found: ProbeFinding, *, vetoes: bool) -> Regression:
    unit = found.unit or "points"
    scale = 1 if found.unit else 100
    by = "" if found.worse_by is None else f"worse by {scale * found.worse_by:.3g} {unit}, "
    told = f"{by}up to {scale * found.allowed:.3g} {unit} are allowed, {found.n} samples."
    return Regression(
        kind="probe",
        what=regression_name(found),
        before=found.before or 0.0,
        after=found.after or 0.0,
        note=told[:1].upper() + told[1:],
        vetoes=vetoes,
    )


def _failures(baselines: Baselines, tuned: Evaluation) -> list[Regression]:
    fewest = min(e.failures for e in baselines.evaluations)
    if tuned.failures <= fewest:
        return []
    return [
        Regression(
            kind="failures",
            what="samples without an answer",
            before=fewest,
            after=tuned.failures,
            note="They count as 0 in the score.",
        )
    ]
