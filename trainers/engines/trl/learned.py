"""Whether a finished training shows on the dev split at all."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.schema.plan import Plan
from advisor.schema.train import DevPoint

SMALL = 0.02
"""Share of the dev loss before training by which it moves without anything being learned."""


def unlearned(
    before: float | None, after: float | None, *, points: Sequence[DevPoint], plan: Plan
) -> tuple[str, ...]:
    """A remark when the dev loss did not fall, or hardly, and no score was better than the first.

    `points` are the looks while training; without scores the loss decides alone.
    """
    if before is None or after is None:
        return ()
    change = f"its loss went from {before:.3f} to {after:.3f}"
    if after >= before:
        return (f"Training learned nothing that shows on the dev split: {change}.",)
    scores = [point.score for point in points if point.score is not None]
    is_still = before - after < SMALL * abs(before)
    if not is_still or (scores and any(score != scores[0] for score in scores)):
        return ()
    same = f", and its score was {scores[0]:.3f} at every look" if scores else ""
    together = plan.micro_batch_size * plan.gradient_accumulation_steps * plan.gpus
    told = (
        f"Training learned hardly anything that shows on the dev split: {change}{same}. Raise"
        f" learning_rate ({plan.learning_rate:g}), or give it more steps (epochs {plan.epochs:g},"
        f" {together} samples each)."
    )
    return (told,)
