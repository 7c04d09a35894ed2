"""What the options of the preference objectives mean, in the names of TRL's settings."""

from __future__ import annotations

from typing import Any

from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.methods.options import number, word
from trainers.objectives.reference import is_precomputed

BETA = 0.1
"""How far the model may leave its reference (DPO, KTO), or the weight of the odds (ORPO)."""
DPO_LOSSES = ("sigmoid", "ipo", "hinge", "robust", "sigmoid_norm", "apo_zero", "apo_down")
MOST_SMOOTHING = 0.5
DPO_OPTIONS = ("beta", "loss", "label_smoothing", "sft_weight", "precompute_reference")
KTO_OPTIONS = ("beta", "desirable_weight", "undesirable_weight", "precompute_reference")
ORPO_OPTIONS = ("beta",)


def dpo_settings(plan: Plan) -> dict[str, Any]:
    """Those of DPO's loss.

    Options: `beta` (0.1), `loss` (sigmoid), `label_smoothing` (0), `sft_weight` (0: how much plain
    training on the chosen answer is added), `precompute_reference` (off). Raises PlanError for
    other values.
    """
    smoothing = number(plan, "label_smoothing", 0.0)
    if smoothing >= MOST_SMOOTHING:
        raise PlanError(
            f"The option 'label_smoothing' is {smoothing:g}.",
            hint="It is the share of pairs that are the wrong way round: below 0.5.",
        )
    losses, weights = [word(plan, "loss", "sigmoid", DPO_LOSSES)], [1.0]
    if added := number(plan, "sft_weight", 0.0):
        losses, weights = [*losses, "sft"], [*weights, added]
    return {
        "beta": positive(plan, "beta", BETA),
        "loss_type": losses,
        "loss_weights": weights,
        "label_smoothing": smoothing,
        "precompute_ref_log_probs": is_precomputed(plan),
    }


def orpo_settings(plan: Plan) -> dict[str, Any]:
    """Those of ORPO's loss: `beta` (0.1). Raises PlanError for another value."""
    return {"beta": positive(plan, "beta", BETA)}


def kto_settings(plan: Plan, good: int = 0, bad: int = 0) -> dict[str, Any]:
    """Those of KTO's loss over so many good and bad answers.

    Options: `beta` (0.1), `desirable_weight` and `undesirable_weight` (the rarer kind weighs so
    much more that both kinds weigh alike), `precompute_reference` (off). Raises PlanError for other
    values.
    """
    desirable = max(1.0, bad / good) if good and bad else 1.0
    undesirable = max(1.0, good / bad) if good and bad else 1.0
    return {
        "beta": positive(plan, "beta", BETA),
        "desirable_weight": number(plan, "desirable_weight", desirable),
        "undesirable_weight": number(plan, "undesirable_weight", undesirable),
        "precompute_ref_log_probs": is_precomputed(plan),
    }


def positive(plan: Plan, name: str, default: float) -> float:
    """A number above 0, `default` where the plan says nothing.

    Raises PlanError for anything else.
    """
    value = number(plan, name, default)
    if not value:
        raise PlanError(f"The option '{name}' is 0.", hint=f"Give more, for example {default}.")
    return value
