"""One probe, asked of a model before and of one after: how much worse, and whether by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from statistics import fmean
from typing import NamedTuple

from advisor.artifacts import digest_of
from advisor.contracts import Likelihood, Metric
from advisor.evaluation.asking import Asker, has_failed
from advisor.evaluation.declining import gives_no_answer
from advisor.evaluation.differences import holm
from advisor.evaluation.paired_values import tested_values
from advisor.schema.chat import earlier, opening
from advisor.schema.evaluation import Completion, Message, Prompt, Sample
from advisor.schema.probe import Probe, ProbeFinding

ERROR_RATE = 0.05
"""How often, at most, some probe is called worse where tuning changed nothing (after Holm)."""
FEWEST = 30
"""Paired items below which a share is shown and decides nothing."""
ALLOWED_SHARE = 0.05
"""Points of a share that are allowed: what is lost is then at most one answer in twenty."""
ALLOWED_NATS = 0.1
"""Nats per token that are allowed: the model is then a tenth less sure of each token."""
NATS = "nats per token"
WORST_LOSS = 100.0
"""Nats per token that a loss counts at most, and that one which is no finite number counts: a model
that guesses among a million tokens is at 14."""
LOSSES_AT_ONCE = 32
FLOOR = "The untuned model was at its worst already, so that nothing could be lost here."
NO_LOSS = "This model's backend cannot say how surprised it is by a text."


class Answered(NamedTuple):
    """What a model made of a probe's samples."""

    values: tuple[float | None, ...]
    """Of each sample in order; None where it got no answer."""
    note: str = ""
    """Why something is missing, as a sentence."""
    unasked: frozenset[int] = frozenset()
    """Places of samples that nobody asked or that the metric cannot score: they say nothing."""


def nothing(count: int) -> None:
    """Tell nobody how many are done."""


def answered(
    asker: Asker,
    probe: Probe,
    metric: Metric | None = None,
    *,
    advance: Callable[[int], None] = nothing,
) -> Answered:
    """What one model makes of a probe; answers and losses that are kept are not asked for again.

    Without a metric the loss on each sample is taken, which needs a session that can say it. Raises
    what the backend raises for every prompt alike, such as BackendAuthError.
    """
    if metric is None:
        return _losses(asker, probe, advance)
    prompts = [prompt_of(sample, probe.instruction) for sample in probe.samples]
    values: list[float | None] = [None] * len(prompts)
    failed, unasked = 0, set(range(len(prompts)))
    for at, completion in asker.ask(prompts):
        values[at] = None if has_failed(completion) else _value(probe, metric, at, completion)
        failed += has_failed(completion)
        if has_failed(completion) or values[at] is not None:
            unasked.discard(at)
        advance(1)
    told = [f"{failed} got no answer."] if failed else []
    if asker.purse.capped:
        told.append("The cap on spending ended it early.")
    return Answered(tuple(values), " ".join(told), frozenset(unasked))


def prompt_of(sample: Sample, instruction: str = "") -> Prompt:
    """A probe's sample as it is asked: its own system turn, or the probe's, or none."""
    asked = (Message(role="user", content=sample.input),)
    turns = (*opening(sample, instruction), *earlier(sample), *asked, *sample.steps)
    return Prompt(sample_id=sample.id, messages=turns)


def _value(probe: Probe, metric: Metric, at: int, completion: Completion) -> float | None:
    """The score of one answer; for a probe of hallucinations, 1 for an answer that is none."""
    sample = probe.samples[at]
    score = metric.score(prompt_of(sample, probe.instruction), completion, sample)
    if probe.kind == "hallucination":
        return float(not (score.value or gives_no_answer(completion.text)))
    return None if score.unscored else score.value


def _losses(asker: Asker, probe: Probe, advance: Callable[[int], None]) -> Answered:
    """Losses, kept as other answers are: a number as the text of a completion."""
    samples = [_led(sample, probe.instruction) for sample in probe.samples]
    keys = [_loss_key(asker, sample) for sample in samples]
    kept = asker.cache.known(list(dict.fromkeys(keys))) if asker.cache is not None else {}
    found = {key: _read(completion) for key, completion in kept.items()}
    missing = list({k: s for k, s in zip(keys, samples, strict=True) if k not in found}.items())
    advance(len(samples) - len(missing))
    for start in range(0, len(missing), LOSSES_AT_ONCE):
        session = asker.live
        if not isinstance(session, Likelihood):
            return Answered((None,) * len(samples), NO_LOSS, frozenset(range(len(samples))))
        part = missing[start : start + LOSSES_AT_ONCE]
        losses = session.losses([sample for _, sample in part])
        for (key, _), loss in zip(part, losses, strict=True):
            found[key] = loss
            _keep(asker, key, loss)
        advance(len(part))
    return Answered(tuple(found[key] for key in keys))


def _led(sample: Sample, instruction: str) -> Sample:
    """The sample behind the probe's instruction, where it asks something and has no own one."""
    is_asked = bool(sample.input.strip())
    turns = (*opening(sample, instruction), *earlier(sample)) if is_asked else sample.history
    return sample.model_copy(update={"history": turns, "tools": () if is_asked else sample.tools})


def _loss_key(asker: Asker, sample: Sample) -> str:
    read = sample.model_dump(mode="json", include={"input", "target", "history", "steps", "tools"})
    weights, chosen = asker.session.model_digest, asker.conditions
    told = [chosen.backend, list(chosen.settings)]
    return digest_of({"kind": "loss", "weights": weights, "told": told, "read": read}, digits=32)


def _keep(asker: Asker, key: str, loss: float | None) -> None:
    if asker.cache is None or loss is None:
        return
    chosen = asker.conditions
    made = Completion(text=repr(loss), prompt_tokens=0, completion_tokens=0, latency_ms=0, usd=0.0)
    asker.cache.put(key, made, backend=chosen.backend, model=chosen.author)


def _read(kept: Completion) -> float | None:
    try:
        return float(kept.text)
    except ValueError:
        return None


def compared(
    probe: Probe, before: Answered | None, after: Answered, *, seed: int = 0
) -> ProbeFinding:
    """How much worse the model became on a probe, with interval and two-sided p-value, paired.

    Shares: exact McNemar test and Newcombe's interval. Other values: sign flips and the bootstrap.
    Items that share a document or group are flipped and drawn together. What was answered before
    and is not any more counts as the worst: as wrong, or as a loss of 100 nats; so does a loss that
    is no finite number. A share of fewer than 30 items is shown without a test, and so is what was
    at its worst before. `corrected` says afterwards what is worse.
    """
    rows = _pairs(probe, before, after)
    found = _empty(probe).model_copy(
        update={
            "n": len(rows),
            "before": fmean(x for x, _, _ in rows if x is not None) if rows and before else None,
            "after": fmean(y for _, y, _ in rows) if rows else None,
            "note": _note(probe, before, after),
        }
    )
    if before is None or not rows:
        return found
    sign = -1.0 if probe.higher_is_better else 1.0
    a, b = [sign * (x or 0.0) for x, _, _ in rows], [sign * y for _, y, _ in rows]
    labels = [label for *_, label in rows]
    tested = tested_values(a, b, labels, is_share=bool(probe.metric), seed=seed)
    is_floor = all(x == _worst(probe) for x, _, _ in rows)
    why = _why_untested(probe, len(rows), is_floor=is_floor)
    return found.model_copy(
        update={
            "worse_by": fmean(b) - fmean(a),
            "interval": tested.interval,
            "p_value": None if why else tested.p_value,
            "nothing_to_lose": is_floor,
            "note": " ".join(filter(None, (found.note, why))),
        }
    )


def _why_untested(probe: Probe, count: int, *, is_floor: bool) -> str:
    """Why nothing is tested, as a sentence; empty where it is."""
    if is_floor:
        return FLOOR
    few = bool(probe.metric) and count < FEWEST
    return f"Fewer than {FEWEST} items: shown, decides nothing." if few else ""


def _pairs(
    probe: Probe, before: Answered | None, after: Answered
) -> list[tuple[float | None, float, str]]:
    """Each item that says something: its value before (None without any) and after, its label."""
    ours = before.values if before is not None else (None,) * len(after.values)
    found = []
    for at, sample in enumerate(probe.samples):
        x, y = _finite(probe, ours[at]), _finite(probe, after.values[at])
        if y is None and x is not None and at not in after.unasked:
            y = _worst(probe)
        if y is not None and (x is not None or before is None):
            found.append((x, y, sample.document or sample.group))
    return found


def _worst(probe: Probe) -> float:
    """What an item counts that is lost."""
    return float(not probe.higher_is_better) if probe.metric else WORST_LOSS


def _finite(probe: Probe, value: float | None) -> float | None:
    """A value that can be reckoned with: losses up to the cap, the worst for what is no number."""
    if value is None:
        return None
    if not isfinite(value):
        return _worst(probe)
    return value if probe.metric else min(value, WORST_LOSS)


def unasked(probe: Probe, why: str) -> ProbeFinding:
    """A probe that could not be asked, with the reason as a sentence."""
    return _empty(probe).model_copy(update={"note": why})


def corrected(findings: Sequence[ProbeFinding]) -> tuple[ProbeFinding, ...]:
    """The findings with p-values corrected after Holm over all that were tested, and their verdict.

    Worse is what is worse beyond chance (5 %) and by more than is allowed.
    """
    tested = [at for at, found in enumerate(findings) if found.p_value is not None]
    adjusted = dict(zip(tested, holm([findings[at].p_value or 0.0 for at in tested]), strict=True))
    return tuple(_judged(found, adjusted.get(at)) for at, found in enumerate(findings))


def _judged(found: ProbeFinding, p_value: float | None) -> ProbeFinding:
    is_worse = (
        p_value is not None
        and found.worse_by is not None
        and p_value <= ERROR_RATE
        and found.worse_by > found.allowed
    )
    return found.model_copy(update={"p_value": p_value, "is_worse": is_worse})


def _empty(probe: Probe) -> ProbeFinding:
    return ProbeFinding(
        probe=probe.name,
        kind=probe.kind,
        unit="" if probe.metric else NATS,
        higher_is_better=probe.higher_is_better,
        before=None,
        after=None,
        allowed=probe.allowed,
        source=probe.source,
    )


def _note(probe: Probe, before: Answered | None, after: Answered) -> str:
    told = []
    if before is not None and before.note:
        told.append(f"Before: {before.note}")
    if after.note:
        told.append(f"After: {after.note}")
    told += filter(None, (_broken("before", before), _broken("after", after)))
    if before is not None and (lost := _lost(before, after)):
        worst = "as wrong" if probe.metric else f"{WORST_LOSS:g} nats"
        told.append(f"{lost} were answered before and not after: they count {worst}.")
    return " ".join(told)


def _broken(when: str, answered: Answered | None) -> str:
    """How many values are no finite numbers, as a sentence; empty for none."""
    values = answered.values if answered is not None else ()
    count = sum(value is not None and not isfinite(value) for value in values)
    return f"{count} had no finite value {when}, which counts as the worst." if count else ""


def _lost(before: Answered, after: Answered) -> int:
    pairs = enumerate(zip(before.values, after.values, strict=True))
    return sum(x is not None and y is None and at not in after.unasked for at, (x, y) in pairs)
