"""The report stage: everything a run knows as one value, with its verdict in one sentence."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from advisor.evaluation.sufficient import clears
from advisor.render.safe import percent, percent_range, safe_text, words
from advisor.schema.baseline import Baselines
from advisor.schema.decide import Decision
from advisor.schema.estimate import Estimate
from advisor.schema.evaluation import Evaluation, Sample
from advisor.schema.gate import GateVerdict
from advisor.schema.profile import Profile
from advisor.schema.report import FailureExample, Report
from advisor.schema.rule import Source
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification

FAILURES_SHOWN = 5
BUILDER_OF = {"prompting": "zero_shot", "few_shot": "few_shot", "rag": "rag"}
"""The prompt builder whose baseline measures an approach."""


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
) -> Report:
    """The run as one value; stages that did not run are None.

    `samples` give the failure examples their questions and reference answers, `sources` give the
    cited ids their titles and addresses; both may be left out. Where the gate does not say train,
    a training speaks in headline and next step only if `override` tells why it was made.
    """
    final = gate.decision if gate else decision
    has_say = gate is None or _says_train(gate) or bool(override)
    made, proof = (training, verification) if has_say else (None, None)
    tuned = verification.tuned if verification else None
    return Report(
        name=name,
        run_dir=run_dir,
        headline=headline(final, baselines, gate, made, proof),
        next_step=_to_verify(made, run_dir, measured=baselines is not None)
        if made and proof is None
        else next_step(final, gate, proof, made),
        recommended=gate.recommended if gate else decision.recommended,
        profile=profile,
        decision=decision,
        estimate=estimate,
        baselines=baselines,
        gate=gate,
        training=training,
        verification=verification,
        failures=failures(baselines, tuned, samples),
        sources=cited((decision, final), sources),
        warnings=all_warnings(
            (*warnings, *profile.notes), decision, final, estimate, baselines, gate, verification
        ),
        made_with=dict(made_with or {}),
        override=override if training and not _says_train(gate) else "",
    )


def headline(
    decision: Decision,
    baselines: Baselines | None,
    gate: GateVerdict | None,
    training: TrainResult | None,
    verification: Verification | None,
) -> str:
    """The verdict in one sentence, with the measured numbers it rests on."""
    if verification is not None:
        return _verified(verification, baselines)
    if training is not None:
        return _trained(gate, baselines, training)
    if gate is None:
        if decision.recommended is None:
            return "Not enough is known to recommend an approach."
        return f"Advice before any measurement: {words(decision.recommended)}."
    return _judged(gate, baselines)


def _judged(gate: GateVerdict, baselines: Baselines | None) -> str:
    if gate.verdict == "train":
        return _training_warranted(gate, baselines)
    if gate.verdict == "collect":
        return f"Do not train yet, collect data first: {_clause(gate.because)}."
    return _stopped(gate, baselines)


def next_step(
    decision: Decision,
    gate: GateVerdict | None,
    verification: Verification | None,
    training: TrainResult | None,
) -> str:
    """What to do now: the last stage that decided has the word."""
    if verification is not None:
        served = training.served_by.model if training else "the tuned model"
        return {
            "keep": _serve(served, target_met=verification.target_met),
            "discard": "Keep the best baseline; read the failures before another attempt.",
            "inconclusive": "Add test samples, then run again; until then keep the best baseline.",
        }[verification.verdict]
    if gate is not None and gate.verdict == "train":
        return "Start training: `advisor train`."
    return decision.next_step


def _to_verify(training: TrainResult, run_dir: str, *, measured: bool) -> str:
    """What shows whether training helped: the same samples, by untuned systems and by it."""
    if training.objective == "reward":
        return "Tune by it: --objective grpo --option reward=FOLDER, with the folder of this run."
    folder = f"--run-dir {shlex.quote(run_dir)}"
    verify = f"`advisor verify {folder}`"
    if measured:
        return f"Verify it: {verify}."
    return f"Measure what it is held against: `advisor baseline {folder}`, then {verify}."


def _serve(served: str, *, target_met: bool | None) -> str:
    if target_met is False:
        return (
            f"The tuned model is the best there is, yet short of the target ({served}): add "
            "training samples or a larger base model before it is served."
        )
    return f"Serve the tuned model: {served}."


def _verified(verification: Verification, baselines: Baselines | None) -> str:
    verdict = {
        "keep": "Keep the tuned model",
        "discard": "Discard the tuned model",
        "inconclusive": "The tuned model is not shown to be better",
    }[verification.verdict]
    best = best_baseline(baselines)
    against = f" against {_measured(best)} for {words(best.builder)}" if best else ""
    goal = f"; target {percent(verification.target)}" if verification.target is not None else ""
    return f"{verdict}: {_measured(verification.tuned)}{against}{goal}."


def _training_warranted(gate: GateVerdict, baselines: Baselines | None) -> str:
    best = best_baseline(baselines)
    reached = _reached(best, gate) if best else _clause(gate.because)
    return f"Training is warranted: {reached}."


def _says_train(gate: GateVerdict | None) -> bool:
    return gate is not None and gate.verdict == "train"


def _reached(best: Evaluation, gate: GateVerdict | None) -> str:
    goal = f", the target is {percent(gate.target)}" if gate and gate.target is not None else ""
    return f"the best baseline, {words(best.builder)}, reaches {_measured(best)}{goal}"


def _trained(gate: GateVerdict | None, baselines: Baselines | None, training: TrainResult) -> str:
    """What was trained, by whose leave, and what is known so far: no proof that it helped."""
    leave = f" although the gate says {gate.verdict}" if gate else " without asking the gate"
    if _says_train(gate):
        leave = ""
    best = best_baseline(baselines)
    seen = [_reached(best, gate)] if best else []
    if training.dev_loss_before is not None and training.dev_loss_after is not None:
        change = f"{training.dev_loss_before:.3f} to {training.dev_loss_after:.3f}"
        seen.append(f"the dev loss went from {change}")
    told = "; ".join(seen) or "nothing was measured with it"
    return f"Trained{leave}, not verified yet: {told}."


def _stopped(gate: GateVerdict, baselines: Baselines | None) -> str:
    enough = _sufficient(gate, baselines)
    if enough is None:
        return f"Do not train: {_clause(gate.because)}."
    advice = f"; recommended: {words(gate.recommended)}" if gate.recommended else ""
    goal = f"meets the target of {percent(gate.target)}"
    return f"Do not train: {words(enough.builder)} {goal} with {_measured(enough)}{advice}."


def _sufficient(gate: GateVerdict, baselines: Baselines | None) -> Evaluation | None:
    """The evaluation of the recommended approach, or the best one, if its interval clears it."""
    best = best_baseline(baselines)
    if baselines is None or best is None or gate.target is None:
        return None
    builder = BUILDER_OF.get(gate.recommended or "")
    advised = (e for e in baselines.evaluations if e.builder == builder)
    systems = len(baselines.evaluations)
    clear = (e for e in (*advised, best) if clears(e, gate.target, systems))
    return next(clear, None)


def _measured(evaluation: Evaluation) -> str:
    """'83.0 % (78.6 to 87.4 %, n = 200)': score, interval, samples."""
    span = percent_range(evaluation.interval.low, evaluation.interval.high)
    return f"{percent(evaluation.value)} ({span}, n = {evaluation.n})"


def _clause(sentence: str) -> str:
    return safe_text(sentence).rstrip(". ") or "no reason was recorded"


def best_baseline(baselines: Baselines | None) -> Evaluation | None:
    """The evaluation that the baseline stage called best."""
    if baselines is None:
        return None
    found = (e for e in baselines.evaluations if e.builder == baselines.best)
    return next(found, None)


def failures(
    baselines: Baselines | None, tuned: Evaluation | None, samples: Sequence[Sample]
) -> tuple[FailureExample, ...]:
    """The worst answers of the best baseline and of the tuned model, in the order of the data."""
    known = {sample.id: sample for sample in samples}
    found = []
    for evaluation in (best_baseline(baselines), tuned):
        if evaluation is None:
            continue
        wrong = sorted((s for s in evaluation.scores if s.value < 1), key=lambda s: s.value)
        for score in wrong[:FAILURES_SHOWN]:
            sample = known.get(score.sample_id)
            found.append(
                FailureExample(
                    system=evaluation.builder,
                    sample_id=score.sample_id,
                    input=sample.input if sample else None,
                    target=sample.target if sample else None,
                    answer=score.completion.text,
                    score=score.value,
                    note=score.completion.error,
                )
            )
    return tuple(found)


def cited(decisions: Sequence[Decision], sources: Sequence[Source]) -> tuple[Source, ...]:
    """The sources that some reason names, in the order of their ids."""
    named = {
        source
        for decision in decisions
        for approach in decision.approaches
        for reason in approach.reasons
        for source in reason.sources
    }
    return tuple(sorted((s for s in sources if s.id in named), key=lambda s: s.id))


def all_warnings(
    own: Sequence[str],
    *parts: Decision | Estimate | Baselines | GateVerdict | Verification | None,
) -> tuple[str, ...]:
    """Every warning of every stage once, in the order of the stages."""
    told = list(own)
    for part in parts:
        told.extend(part.warnings if part is not None else ())
    return tuple(dict.fromkeys(told))
