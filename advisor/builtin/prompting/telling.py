"""A search over prompts in sentences and rows."""

from __future__ import annotations

from advisor.builtin.prompting.parts import FEWEST_CALLS, FEWEST_JUDGED, Parts
from advisor.builtin.prompting.search import Outcome
from advisor.builtin.prompting.trials import TOP, Trial
from advisor.contracts import Tools
from advisor.schema.evaluation import TriedPrompt

CALLS = 200
"""Calls of a search that is not told otherwise."""


def story(found: Outcome, calls: int) -> tuple[str, ...]:
    """What was tried, and what came of it."""
    start, best, judged = found.start, found.best, found.judged
    count = len(found.trials)
    tried = (
        f"{count} {'prompts were' if count > 1 else 'prompt was'} tried on up to"
        f" {max(map(_count, found.trials), default=0)} samples with {found.used} of {calls} calls;"
        f" {found.written} of their instructions the model wrote."
    )
    if best is start:
        return (tried, _unbeaten(found), *found.remarks)
    compared = (
        f"{judged.other:.2f} against {judged.start:.2f} for the start on the same"
        f" {judged.n} samples (better on {judged.wins}, worse on {judged.losses})"
    )
    name = best.candidate.origin
    said = (
        f"Chosen: {name}, {compared}."
        if judged.is_better
        else f"The start stands: the best other prompt ({name}) had {compared}; may be chance."
    )
    return (tried, said, *found.remarks)


def _unbeaten(found: Outcome) -> str:
    reached = f"{found.start.value():.2f}"
    if len(found.trials) == 1 and found.start.value() >= TOP:
        return "The start answers all of them right and stands."
    if len(found.trials) == 1:
        return f"Nothing else could be tried: the start, at {reached}, stands."
    return f"No other prompt was better: the start, at {reached}, stands."


def why_not(tools: Tools, calls: int, builder: str) -> str:
    """Why nothing can be searched; empty where it can."""
    if tools.model is None:
        return "no model may be asked"
    if not calls:
        return (
            f"fewer than {FEWEST_CALLS} calls, or fewer than {FEWEST_JUDGED} samples that can be"
            " judged on (samples of one group or document stay together)"
        )
    if not tools.model.calls_left:
        return f"answers cost money; name it with --builders {builder}"
    return ""


def aside(parts: Parts) -> tuple[str, ...]:
    """A sentence where train samples had to be judged on."""
    if not parts.aside:
        return ()
    few = "few" if len(parts.dev) > parts.aside else "no"
    return (
        f"There are {few} dev samples, so {parts.aside} train samples were set aside to judge on.",
    )


def _count(trial: Trial) -> int:
    return len(trial.marks)


def row(trial: Trial) -> TriedPrompt:
    """A prompt that was tried."""
    candidate = trial.candidate
    return TriedPrompt(
        origin=candidate.origin,
        instruction=candidate.lead.instruction,
        labels_listed=len(candidate.lead.labels),
        shots=candidate.similar or len(candidate.fixed),
        similar=bool(candidate.similar),
        samples=len(trial.marks),
        score=round(trial.value(), 4) if trial.marks else None,
    )
