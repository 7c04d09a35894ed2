"""The report stage: everything a run knows as one value, with its verdict in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.baseline import Baselines
from advisor.schema.combine import CombineRecord
from advisor.schema.decide import Decision
from advisor.schema.estimate import Estimate
from advisor.schema.evaluation import Sample
from advisor.schema.export import ExportRecord
from advisor.schema.gate import GateVerdict
from advisor.schema.profile import Profile
from advisor.schema.report import DataSummary, FigureSource, Report
from advisor.schema.review import Review
from advisor.schema.rule import Source
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.stages.report.costs import costs, known
from advisor.stages.report.failures import counted, failures
from advisor.stages.report.figures import figures
from advisor.stages.report.headline import (
    best_baseline,
    headline,
    next_step,
    says_train,
    to_judge,
    to_verify,
)
from advisor.stages.report.payback import payback
from advisor.stages.report.turning import changes


class Beside(Value):
    """What lies in a run folder beside the stages' documents."""

    data: DataSummary | None = None
    exports: tuple[ExportRecord, ...] = ()
    combinations: tuple[CombineRecord, ...] = ()
    review: Review | None = None
    usd_per_hour: float | None = None
    """What an hour of this machine costs."""
    dates: dict[str, str] = Field(default_factory=dict)
    """Stage -> day on which its document was written."""


def report(  # noqa: PLR0913 - one parameter per stage before it
    *,
    name: str,
    run_dir: str,
    profile: Profile,
    decision: Decision,
    estimate: Estimate | None = None,
    baselines: Baselines | None = None,
    gate: GateVerdict | None = None,
    training: TrainResult | None = None,
    verification: Verification | None = None,
    samples: Sequence[Sample] = (),
    sources: Sequence[Source] = (),
    warnings: Sequence[str] = (),
    made_with: Mapping[str, str] | None = None,
    override: str = "",
    beside: Beside | None = None,
) -> Report:
    """The run as one value; stages that did not run are None.

    `samples` give the failure examples their questions and reference answers, `sources` give the
    cited ids their titles and addresses; both may be left out. Where the gate does not say train,
    a training speaks in headline and next step only if `override` tells why it was made.
    """
    final = gate.decision if gate else decision
    has_say = gate is None or says_train(gate) or bool(override)
    made, proof = (training, verification) if has_say else (None, None)
    told = all_warnings(
        (*warnings, *profile.notes), decision, final, estimate, baselines, gate, verification
    )
    bare = Report(
        name=name,
        run_dir=run_dir,
        headline=headline(final, baselines, gate, made, proof),
        next_step=_next(final, baselines, gate, made, proof, run_dir),
        recommended=gate.recommended if gate else decision.recommended,
        profile=profile,
        decision=decision,
        estimate=estimate,
        baselines=baselines,
        gate=gate,
        training=training,
        verification=verification,
        changes=changes(gate, baselines, proof),
        warnings=told,
        made_with=dict(made_with or {}),
        override=override if training and not says_train(gate) else "",
    )
    return _explained(bare, beside or Beside(), samples, sources)


def _next(
    decision: Decision,
    baselines: Baselines | None,
    gate: GateVerdict | None,
    training: TrainResult | None,
    verification: Verification | None,
    run_dir: str,
) -> str:
    """What to do now: the first stage that is missing, or what the last one says."""
    if training is not None and verification is None:
        return to_verify(training, run_dir, measured=baselines is not None)
    if baselines is not None and gate is None and verification is None:
        return to_judge(run_dir)
    return next_step(decision, gate, verification, training, run_dir)


def _explained(
    bare: Report, beside: Beside, samples: Sequence[Sample], sources: Sequence[Source]
) -> Report:
    """The report with what its stages imply: failures, costs, break-even, origin of figures."""
    tuned = bare.verification.tuned if bare.verification else None
    stages = (bare.baselines, bare.training, bare.verification)
    lines = costs(*stages, usd_per_hour=beside.usd_per_hour)
    back = payback(
        bare.baselines, bare.verification, bare.training, lines, usd_per_hour=beside.usd_per_hour
    )
    final = bare.gate.decision if bare.gate else bare.decision
    best = best_baseline(bare.baselines)
    seed = bare.baselines.manifest.seed if bare.baselines else 0
    full = bare.model_copy(
        update={
            "failures": failures(best, tuned, samples, seed=seed),
            "outcomes": counted(best, tuned),
            "data": beside.data,
            "costs": lines,
            "known_usd": known(lines),
            "payback": back,
            "exports": beside.exports,
            "combinations": beside.combinations,
            "review": beside.review,
        }
    )
    whence = figures(full, beside.dates)
    known_sources = cited((bare.decision, final), whence, sources)
    return full.model_copy(update={"figures": whence, "sources": known_sources})


def cited(
    decisions: Sequence[Decision], figures: Sequence[FigureSource], sources: Sequence[Source]
) -> tuple[Source, ...]:
    """The sources that some reason or figure names, in the order of their ids."""
    named = set(_cited_by_reasons(decisions))
    for figure in figures:
        named.update(part.strip() for part in figure.provenance.source.split(";"))
    return tuple(sorted((s for s in sources if s.id in named), key=lambda s: s.id))


def _cited_by_reasons(decisions: Sequence[Decision]) -> Iterator[str]:
    for decision in decisions:
        for approach in decision.approaches:
            for reason in approach.reasons:
                yield from reason.sources


def all_warnings(
    own: Sequence[str],
    *parts: Decision | Estimate | Baselines | GateVerdict | Verification | None,
) -> tuple[str, ...]:
    """Every warning of every stage once, in the order of the stages."""
    told = list(own)
    for part in parts:
        told.extend(part.warnings if part is not None else ())
    return tuple(dict.fromkeys(told))
