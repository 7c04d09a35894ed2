"""Is the exported thing the evaluated thing: both are asked the same, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple

from advisor.contracts import PromptBuilder, Reading
from advisor.errors import ModelFolderError, StaleArtifactError, UnsupportedArchitectureError
from advisor.evaluation.also import value_of
from advisor.evaluation.asking import has_failed
from advisor.evaluation.bench import Bench
from advisor.evaluation.compare import compare
from advisor.evaluation.runner import measure, prepare
from advisor.evaluation.session import LazySession
from advisor.schema.base import ConfidenceInterval
from advisor.schema.evaluation import Completion, Evaluation, Message, Prompt, Sample
from advisor.schema.export import Agreement
from advisor.secrets import masked
from advisor.shipping.discrepancies import Causes, Heard, causes

ASKED = 100
"""Questions, unless told otherwise: of so many, one may be answered otherwise by an exact form."""
SHOWN = 10
"""Ids of differing samples that are told."""
WORSE = ("same", "within_tolerance", "unchecked", "different")
"""Verdicts, the worst last."""
PLAIN = Prompt(
    sample_id="plain",
    messages=(
        Message(role="system", content="Be brief."),
        Message(role="user", content="Good morning."),
    ),
)
"""What templates are shown on: it holds nothing of the user's."""
Verdict = Literal["same", "within_tolerance", "different", "unchecked"]


class Tolerance(NamedTuple):
    """How far an export may lie from what was evaluated (docs/adr/0021)."""

    least_equal: float
    """Share of answers that must be the same, letter by letter."""
    most_worse: float | None
    """Share of 1 that its score may lie below; None where a score says nothing and none is told."""


EXACT = Tolerance(least_equal=0.99, most_worse=0.02)
"""For forms that round nothing: the adapter itself, merged in the precision of the evaluation."""
ROUNDED = Tolerance(least_equal=0.90, most_worse=0.02)
"""For weights in fewer bits than those that were evaluated, and for another engine's arithmetic."""


class Witness(NamedTuple):
    """One of the two, and where it is asked; its bench's session is closed after it was."""

    words: str
    """Backend and place."""
    bench: Bench
    folder: Path | None = None
    """Of its files, where they lie on this machine."""
    claims: str = ""
    """What its weights are said to be in."""
    verified: Evaluation | None = None
    """What was measured of it before; None where nothing was, or it no longer holds."""


def agreed(
    reference: Witness,
    exported: Witness,
    builder: PromptBuilder,
    samples: Sequence[Sample],
    *,
    tolerance: Tolerance,
) -> Agreement:
    """Whether both answer alike, stop alike and read prompts alike.

    The reference is asked first and closed before the other is opened, so that never both are in
    memory. Answers that the reference's cache holds are not computed again. An export that cannot
    be opened is `different`. Raises StaleArtifactError where the reference is not what was
    verified, and what asking raises.
    """
    before = _heard(reference, "evaluated", builder, samples)
    try:
        after = _heard(exported, "exported", builder, samples)
    except (ModelFolderError, UnsupportedArchitectureError) as error:
        return _unopened(reference, exported, tolerance, error.message)
    found = causes(
        before,
        after,
        folders=(reference.folder, exported.folder),
        claims=exported.claims,
        may_cut=1 - tolerance.least_equal,
    )
    return _compared(reference, exported, before, after, found, tolerance)


def unchecked(reference: str, exported: str, tolerance: Tolerance) -> Agreement:
    """What is said of an export that nothing here can open."""
    return Agreement(
        reference=reference,
        exported=exported,
        n=0,
        equal=0,
        asked_agreement=tolerance.least_equal,
        asked_worse_by=tolerance.most_worse or 0.0,
        verdict="unchecked",
    )


def summed(found: Mapping[str, Agreement]) -> Agreement:
    """One agreement of several tasks: the worst verdict, all answers, no score.

    `found` holds one or more; of one it is that.
    """
    first, *others = found.values()
    if not others:
        return first
    every = (first, *others)
    return first.model_copy(
        update={
            "n": sum(one.n for one in every),
            "equal": sum(one.equal for one in every),
            **dict.fromkeys(("reference_score", "exported_score", "worse_by", "interval")),
            "metric": "",
            "same_prompts": _all([one.same_prompts for one in every]),
            "same_ends": _all([one.same_ends for one in every]),
            "differing": tuple(f"{k}: {i}" for k, one in found.items() for i in one.differing),
            "problems": tuple(f"{k}: {told}" for k, one in found.items() for told in one.problems),
            "verdict": max((one.verdict for one in every), key=WORSE.index),
        }
    )


def _all(told: Sequence[bool | None]) -> bool | None:
    return False if False in told else None if None in told else True


def few(agreement: Agreement) -> tuple[str, ...]:
    """That what was asked does not show the tolerance for all answers, and how many would."""
    if not agreement.n or agreement.is_shown or agreement.verdict == "different":
        return ()
    equal, n, least = agreement.equal, agreement.n, agreement.least_asked
    told = (
        f"With {equal} of {n} answers equal, up to {100 * agreement.most_differing:.1f} % of all"
        f" may still be others (95 % confidence), where"
        f" {100 * (1 - agreement.asked_agreement):g} % are let pass"
    )
    if least is not None:
        told += f"; {least} equal ones would show that (`--check {least}`, where there are so many)"
    return (f"{told}.",)


def _heard(witness: Witness, name: str, builder: PromptBuilder, samples: Sequence[Sample]) -> Heard:
    """Everything one of them says, and how it reads the prompts; then it is closed."""
    session = witness.bench.session
    with session, closing(witness.bench):
        if witness.verified is not None:
            _refuse_other_weights(session.model_digest, witness.verified)
        ready = prepare(witness.bench, name, builder, samples)
        evaluation = measure(witness.bench, ready)
        if witness.verified is not None:
            _refuse_other_answers(evaluation, witness.verified)
        live = session.opened() if isinstance(session, LazySession) else session
        if not isinstance(live, Reading):
            return Heard(evaluation)
        return Heard(
            evaluation,
            texts=tuple(live.prompt_text(prompt) for prompt in ready.prompts),
            plain=live.prompt_text(PLAIN),
            ends=live.ends,
        )


def _refuse_other_weights(digest: str, verified: Evaluation) -> None:
    then = verified.manifest.model_digest
    if then and digest != then:
        raise _replaced(f"its files have the digest {digest}, those that were verified {then}")


def _refuse_other_answers(now: Evaluation, verified: Evaluation) -> None:
    """Raise where the same model no longer says what it was verified by, asked the same way.

    A digest reads both ends of large files; answers are what the rest shows in. A GPU asked again
    may round a few otherwise, so as much as rounding may change is let pass.
    """
    then, told = verified.manifest.settings, now.manifest.settings
    if any(then.get(key) != value for key, value in told.items() if key != "batch_size"):
        return
    said = {score.sample_id: score.completion for score in verified.scores}
    pairs = [
        (said[score.sample_id].text, score.completion.text)
        for score in now.scores
        if score.sample_id in said
        and not has_failed(score.completion)
        and not has_failed(said[score.sample_id])
    ]
    equal = sum(before in (after, masked(after)) for before, after in pairs)
    if equal < ROUNDED.least_equal * len(pairs):
        raise _replaced(f"only {equal} of {len(pairs)} answers are those of the verification")


def _replaced(why: str) -> StaleArtifactError:
    return StaleArtifactError(
        f"The tuned model is not the one that was verified: {why}.",
        hint="Run `advisor verify` again, or put back what was verified.",
    )


def _compared(
    reference: Witness,
    exported: Witness,
    before: Heard,
    after: Heard,
    found: Causes,
    tolerance: Tolerance,
) -> Agreement:
    """The two evaluations side by side, with the verdict."""
    pairs = [
        (ours.sample_id, _is_equal(ours.completion, theirs.completion))
        for ours, theirs in zip(before.evaluation.scores, after.evaluation.scores, strict=True)
        if not has_failed(ours.completion)
    ]
    equal = sum(same for _, same in pairs)
    has_scores = tolerance.most_worse is not None and pairs
    told = _scores(reference, before, after) if has_scores else {}
    worse_by = told.get("worse_by", 0.0)
    verdict = _verdict(equal, len(pairs), worse_by, tolerance, is_refused=bool(found.faults))
    problems = found.faults
    if verdict == "different":
        problems += _shortfalls(equal, len(pairs), worse_by, tolerance) + found.hints
    if not pairs:
        problems += (_silence(before.evaluation),)
    return Agreement(
        reference=reference.words,
        exported=exported.words,
        n=len(pairs),
        equal=equal,
        asked_agreement=tolerance.least_equal,
        **told,
        asked_worse_by=tolerance.most_worse or 0.0,
        same_prompts=found.same_prompts,
        same_ends=found.same_ends,
        differing=tuple(sample_id for sample_id, same in pairs if not same)[:SHOWN],
        problems=problems,
        verdict=verdict,
    )


def _scores(reference: Witness, before: Heard, after: Heard) -> dict[str, Any]:
    """Both scores, and how far the export's lies below, paired over the samples."""
    found = compare(before.evaluation, after.evaluation, value_of=value_of(reference.bench.metric))
    low, high, level = found.interval.low, found.interval.high, found.interval.level
    return {
        "metric": before.evaluation.metric,
        "reference_score": before.evaluation.value,
        "exported_score": after.evaluation.value,
        "worse_by": 0.0 - found.difference,
        "interval": ConfidenceInterval(low=0.0 - high, high=0.0 - low, level=level),
    }


def _is_equal(ours: Completion, theirs: Completion) -> bool:
    return not has_failed(theirs) and ours.text == theirs.text


def _verdict(
    equal: int, n: int, worse_by: float, tolerance: Tolerance, *, is_refused: bool
) -> Verdict:
    if is_refused or equal < tolerance.least_equal * n or _is_worse(worse_by, tolerance):
        return "different"
    if not n:
        return "unchecked"
    return "same" if equal == n else "within_tolerance"


def _silence(evaluation: Evaluation) -> str:
    """That the evaluated model gave no answer that one could be held against."""
    n, first = len(evaluation.scores), ascii(evaluation.scores[0].completion.error[:200])
    return (
        f"None of the {n} samples got an answer from the evaluated model, so no answers could be"
        f" compared; the first said: {first}."
    )


def _shortfalls(equal: int, n: int, worse_by: float, tolerance: Tolerance) -> tuple[str, ...]:
    """Which of the two bounds is not held, as sentences."""
    found = []
    if equal < tolerance.least_equal * n:
        found.append(
            f"Only {equal} of {n} answers are the same, letter by letter; at least"
            f" {100 * tolerance.least_equal:g} % are asked for."
        )
    if _is_worse(worse_by, tolerance):
        found.append(
            f"Its score is {100 * worse_by:.1f} points worse; at most"
            f" {100 * (tolerance.most_worse or 0.0):g} are let pass."
        )
    return tuple(found)


def _is_worse(worse_by: float, tolerance: Tolerance) -> bool:
    return tolerance.most_worse is not None and worse_by > tolerance.most_worse


def _unopened(reference: Witness, exported: Witness, tolerance: Tolerance, why: str) -> Agreement:
    found = unchecked(reference.words, exported.words, tolerance)
    problem = f"The export cannot be opened: {why}"
    return found.model_copy(update={"verdict": "different", "problems": (problem,)})
