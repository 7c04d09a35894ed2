"""Stage 7: did tuning help, and did nothing else get worse; no model is called here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from advisor.evaluation import segments as parts
from advisor.evaluation.compare import ValueOf, compare, corrected
from advisor.evaluation.detectable import PROOF_LEVEL
from advisor.evaluation.intervals import meets
from advisor.evaluation.probing import ERROR_RATE as PROBES_RATE
from advisor.evaluation.remarks import remarks
from advisor.render.regression_words import worse_words
from advisor.render.safe import percent
from advisor.schema.baseline import Baselines
from advisor.schema.estimate import Option
from advisor.schema.evaluation import Evaluation, Sample
from advisor.schema.probe import OF_TEST_PART, ProbeFinding
from advisor.schema.train import TrainResult
from advisor.schema.verify import EstimateCheck, GuessKind, Regression, Segment, Verification
from advisor.stages.verify.guessed import held_against
from advisor.stages.verify.measured import estimate_vs_measured
from advisor.stages.verify.regressions import regressions
from advisor.stages.verify.verdict import Judged, Measured, Verdict, judge

BASELINES_RATE = round(1 - PROOF_LEVEL, 6)
UNKNOWN_ELSEWHERE = "Whether it forgot anything beside the task is unknown: no probe was measured."


class Evidence(NamedTuple):
    """Everything that was measured of a tuned model."""

    tuned: Evaluation
    baselines: Baselines
    samples: Sequence[Sample] = ()
    """The test samples, for segments; none are looked at without them."""
    probes: Sequence[ProbeFinding] = ()
    """Before and after, tested already."""
    guesses: Mapping[GuessKind, Evaluation] = MappingProxyType({})
    """What is reached without reading the samples (`advisor.evaluation.guessing`)."""
    result: TrainResult | None = None
    estimate: Option | None = None


def verify(
    evidence: Evidence,
    *,
    target: float | None,
    value_of: ValueOf | None = None,
    tolerated: str = "",
) -> Verification:
    """Whether to keep the tuned model, measured against each baseline on the same samples.

    Keep: better than the best baseline beyond chance (the 95 % interval of the difference lies
    above 0 and the p-value, corrected after Holm over the baselines, is at most 0.05) and than what
    is reached without reading the samples, and nothing that vetoes got worse. Discard: the interval
    lies below 0 or has no room for a gain of 5 points, or any baseline is clearly ahead, or the
    answers fit their own samples no better than others, or a segment of 30 samples or more or a
    probe is worse beyond chance. Else inconclusive, with the number of test samples that would
    decide. `tolerated` is the user's reason to let segments and probes get worse: they are listed
    then and veto nothing. The target is reported beside the verdict and does not change it.
    `value_of` is that of a metric of summed totals.

    Raises StaleArtifactError when tuned model and baselines were not measured on the same samples.
    """
    tuned, baselines = evidence.tuned, evidence.baselines
    comparisons = corrected(
        [compare(e, tuned, level=PROOF_LEVEL, value_of=value_of) for e in baselines.evaluations]
    )
    best = next(e for e in baselines.evaluations if e.builder == baselines.best)
    segments = parts.segments(best, tuned, evidence.samples, value_of=value_of)
    worse = regressions(
        comparisons,
        baselines,
        tuned,
        segments=segments,
        probes=evidence.probes,
        is_tolerated=bool(tolerated),
    )
    elsewhere, passed = (_beside(worse, evidence.probes, vetoes=v) for v in (True, False))
    guesses = held_against(evidence.guesses, tuned, value_of)
    found = judge(Measured(comparisons, best, tuned, guesses), elsewhere, passed)
    target_met = None if target is None else meets(target, tuned.interval)
    return Verification(
        verdict=found.verdict,
        because=_qualified(found, evidence.probes),
        tuned=tuned,
        comparisons=tuple(comparisons),
        regressions=worse,
        segments=segments,
        probes=tuple(evidence.probes),
        guesses=guesses,
        more_items=found.more_items,
        error_rates=_error_rates(segments, evidence.probes),
        tolerated=tolerated,
        estimate_vs_measured=_estimate_test(evidence),
        target=target,
        target_met=target_met,
        warnings=(
            *_warnings(found.verdict, tuned, target, target_met=target_met),
            *_unknown(found.verdict, evidence.probes),
            *_traded(segments),
        ),
    )


def _estimate_test(evidence: Evidence) -> tuple[EstimateCheck, ...]:
    """The estimate beside what was measured; nothing where one of them is missing."""
    estimate, result = evidence.estimate, evidence.result
    return estimate_vs_measured(estimate, result) if estimate and result else ()


def _beside(
    worse: Sequence[Regression], probes: Sequence[ProbeFinding], *, vetoes: bool
) -> list[str]:
    """What got worse in segments and probes, in words: what vetoes, or what is tolerated."""
    found = (w for w in worse if w.kind in ("segment", "probe") and w.vetoes is vetoes)
    return [f"{worse_words(one, probes)} ({_noted(one.note)})" for one in found]


def _noted(note: str) -> str:
    return note[:1].lower() + note[1:].rstrip(".")


def _error_rates(segments: Sequence[Segment], probes: Sequence[ProbeFinding]) -> dict[str, float]:
    """How often each family of tests errs at most; families without a test are left out."""
    rates = {"baselines": BASELINES_RATE}
    if any(segment.p_value is not None for segment in segments):
        rates["segments"] = parts.ERROR_RATE
    if any(probe.p_value is not None for probe in probes):
        rates["probes"] = PROBES_RATE
    return rates


def _qualified(found: Judged, probes: Sequence[ProbeFinding]) -> str:
    """The reason; that of a `keep` says when nothing beside the task was measured."""
    if found.verdict != "keep" or any(probe.shows_forgetting for probe in probes):
        return found.because
    return f"{found.because} {UNKNOWN_ELSEWHERE}"


def _unknown(verdict: Verdict, probes: Sequence[ProbeFinding]) -> tuple[str, ...]:
    """A warning, with the reasons, where a model is kept of which nothing else was measured.

    The answers to the test part say nothing of what lies beside the task.
    """
    if verdict != "keep" or any(probe.shows_forgetting for probe in probes):
        return ()
    beside = [probe.note for probe in probes if probe.source != OF_TEST_PART and probe.note]
    return (" ".join((UNKNOWN_ELSEWHERE, *dict.fromkeys(beside))),)


def _traded(segments: Sequence[Segment]) -> list[str]:
    """Labels that lost on their own samples and gained in F1: shown, and no veto."""
    return [
        f"Of the samples with label '{one.name}' fewer are right ({percent(one.tuned)} against "
        f"{percent(one.baseline)}), yet the label is told better: F1 {percent(one.tuned_f1)} "
        f"against {percent(one.baseline_f1)}. The best baseline gives it to too many; no veto."
        for one in segments
        if parts.is_traded(one) and one.tuned_f1 is not None and one.baseline_f1 is not None
    ]


def _warnings(
    verdict: Verdict, tuned: Evaluation, target: float | None, *, target_met: bool | None
) -> tuple[str, ...]:
    found = []
    if target is not None and not target_met:
        still = "better than every baseline, yet " if verdict == "keep" else ""
        found.append(
            f"The tuned model is {still}below the target: the lower bound of its interval is "
            f"{percent(tuned.interval.low)}, the target {percent(target)}."
        )
    return (*found, *remarks(tuned))
