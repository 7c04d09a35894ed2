"""The verdict in one sentence, and what to do now."""

from __future__ import annotations

import shlex

from advisor.evaluation.sufficient import clears
from advisor.render.proof_words import GUESSES
from advisor.render.regression_words import worse_words
from advisor.render.safe import percent, percent_range, safe_text, words
from advisor.schema.baseline import Baselines
from advisor.schema.decide import Decision
from advisor.schema.evaluation import Evaluation
from advisor.schema.gate import GateVerdict
from advisor.schema.train import TrainResult
from advisor.schema.verify import Guess, Regression, Verification

BUILDER_OF = {"prompting": "zero_shot", "few_shot": "few_shot", "rag": "rag"}
"""The prompt builder whose baseline measures an approach."""


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
            return f"{_measured_so_far(baselines)}Not enough is known to recommend an approach."
        when = "now" if baselines else "before any measurement"
        return f"{_measured_so_far(baselines)}Advice {when}: {words(decision.recommended)}."
    return _judged(gate, baselines)


def _judged(gate: GateVerdict, baselines: Baselines | None) -> str:
    if gate.verdict == "train":
        return _training_warranted(gate, baselines)
    if gate.verdict == "collect":
        return f"Do not train yet, collect data first: {_clause(gate.because)}."
    return _stopped(gate, baselines)


def _measured_so_far(baselines: Baselines | None) -> str:
    """What was measured though no gate has judged it yet; empty without baselines."""
    best = best_baseline(baselines)
    return f"Measured, not judged yet: {_reached(best, None)}. " if best else ""


def to_judge(run_dir: str) -> str:
    """What turns measured baselines into a verdict."""
    return f"Let the gate judge: `advisor gate --run-dir {shlex.quote(run_dir)}`."


def next_step(
    decision: Decision,
    gate: GateVerdict | None,
    verification: Verification | None,
    training: TrainResult | None,
    run_dir: str = "",
) -> str:
    """What to do now: the last stage that decided has the word."""
    if verification is not None:
        return {
            "keep": _serve(verification, training, run_dir),
            "discard": _give_up(verification),
            "inconclusive": _measure_more(verification),
        }[verification.verdict]
    if gate is not None and gate.verdict == "train":
        return "Start training: `advisor train`."
    return decision.next_step


def vetoes(verification: Verification) -> tuple[Regression, ...]:
    """The regressions beside the task that alone turn the verdict.

    A baseline that is ahead is no harm elsewhere: the score on the task says it.
    """
    return tuple(r for r in verification.regressions if r.vetoes and r.kind != "baseline")


def _ahead(verification: Verification, best: Evaluation | None) -> tuple[Regression, ...]:
    """Further baselines that veto, the best one apart: its score stands in the headline anyway."""
    known = f" of {best.builder}" if best else ""
    return tuple(
        r
        for r in verification.regressions
        if r.vetoes and r.kind == "baseline" and not (known and r.what.endswith(known))
    )


def _give_up(verification: Verification) -> str:
    if vetoes(verification):
        return (
            "Keep the best baseline; tune again with less harm elsewhere: a lower learning rate, "
            "fewer epochs or general samples mixed in (--general-data)."
        )
    if _unbeaten(verification):
        return (
            "Keep the best baseline; see that the answers in the training data belong to their "
            "questions before another attempt."
        )
    return "Keep the best baseline; read the failures before another attempt."


def _measure_more(verification: Verification) -> str:
    more = verification.more_items
    added = f"about {more:,} test samples" if more else "test samples"
    return f"Add {added}, then run again; until then keep the best baseline."


def to_verify(training: TrainResult, run_dir: str, *, measured: bool) -> str:
    """What shows whether training helped: the same samples, by untuned systems and by it."""
    if training.objective == "reward":
        return "Tune by it: --objective grpo --option reward=FOLDER, with the folder of this run."
    folder = f"--run-dir {shlex.quote(run_dir)}"
    verify = f"`advisor verify {folder}`"
    if measured:
        return f"Verify it: {verify}."
    return f"Measure what it is held against: `advisor baseline {folder}`, then {verify}."


def _serve(verification: Verification, training: TrainResult | None, run_dir: str) -> str:
    served = training.served_by.model if training else "the tuned model"
    if verification.target_met is False:
        return (
            f"The tuned model is the best there is, yet short of the target ({served}): add "
            "training samples or a larger base model before it is served."
        )
    folder = f" --run-dir {shlex.quote(run_dir)}" if run_dir else ""
    return (
        f"Serve the tuned model ({served}): `advisor export{folder} --to merged` writes what ships "
        "and checks that it answers as what was verified."
    )


def _verified(verification: Verification, baselines: Baselines | None) -> str:
    verdict = {
        "keep": "Keep the tuned model",
        "discard": "Discard the tuned model",
        "inconclusive": "The tuned model is not shown to be better",
    }[verification.verdict]
    best = best_baseline(baselines)
    against = f" against {_measured(best)} for {words(best.builder)}" if best else ""
    goal = f"; target {percent(verification.target)}" if verification.target is not None else ""
    seen = f"{_measured(verification.tuned)}{against}{goal}"
    ahead = _ahead(verification, best) if verification.verdict == "discard" else ()
    others = f"; also ahead: {'; '.join(worse_words(one, ()) for one in ahead)}" if ahead else ""
    unread = _unread(verification)
    return f"{verdict}: {_elsewhere(verification)}{seen}{others}{unread}{_yet(verification)}."


def _unread(verification: Verification) -> str:
    """What is reached without reading the samples, where the tuned model does not beat it."""
    if verification.verdict == "keep":
        return ""
    told = [f"{GUESSES[one.what]} reaches {percent(one.value)}" for one in _unbeaten(verification)]
    return "".join(f"; {one}" for one in told)


def _unbeaten(verification: Verification) -> list[Guess]:
    return [one for one in verification.guesses if not one.is_beaten]


def _elsewhere(verification: Verification) -> str:
    """What got worse beside the task, where that turned the verdict."""
    if verification.verdict == "discard" and vetoes(verification):
        first, *others = vetoes(verification)
        more = f", and {len(others)} more" if others else ""
        return f"it got worse at {worse_words(first, verification.probes)}{more}; on the task "
    return ""


def _yet(verification: Verification) -> str:
    """What a reader of a `keep` must know beside it: what is tolerated, what is not known."""
    if verification.verdict != "keep":
        return ""
    passed = [r for r in verification.regressions if r.kind in ("segment", "probe")]
    told = ""
    if verification.tolerated and passed:
        more = f" and {len(passed) - 1} more" if len(passed) > 1 else ""
        worse = worse_words(passed[0], verification.probes)
        told = f"; it got worse at {worse}{more}, which is tolerated"
    if not verification.shows_forgetting:
        told += "; whether it forgot anything beside the task was not measured"
    return told


def _training_warranted(gate: GateVerdict, baselines: Baselines | None) -> str:
    best = best_baseline(baselines)
    reached = _reached(best, gate) if best else _clause(gate.because)
    return f"Training is warranted: {reached}."


def says_train(gate: GateVerdict | None) -> bool:
    """Whether there is a gate's verdict and it is to train."""
    return gate is not None and gate.verdict == "train"


def _reached(best: Evaluation, gate: GateVerdict | None) -> str:
    goal = f", the target is {percent(gate.target)}" if gate and gate.target is not None else ""
    return f"the best baseline, {words(best.builder)}, reaches {_measured(best)}{goal}"


def _trained(gate: GateVerdict | None, baselines: Baselines | None, training: TrainResult) -> str:
    """What was trained, by whose leave, and what is known so far: no proof that it helped."""
    leave = f" although the gate says {gate.verdict}" if gate else " without asking the gate"
    if says_train(gate):
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
    """'83.0 % (90 % interval 78.6 to 87.4 %, n = 200)': score, interval, samples."""
    found = evaluation.interval
    span = f"{percent(found.level, 0)} interval {percent_range(found.low, found.high)}"
    return f"{percent(evaluation.value)} ({span}, n = {evaluation.n})"


def _clause(sentence: str) -> str:
    return safe_text(sentence).rstrip(". ") or "no reason was recorded"


def best_baseline(baselines: Baselines | None) -> Evaluation | None:
    """The evaluation that the baseline stage called best."""
    if baselines is None:
        return None
    found = (e for e in baselines.evaluations if e.builder == baselines.best)
    return next(found, None)
