"""The frozen reference that preference and reinforcement objectives hold the model against."""

from __future__ import annotations

from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ExtraTerm, Plan
from trainers.methods.options import flag

OWN_WEIGHTS = frozenset({"full", "freeze", "galore", "lisa", "llama_pro"})
"""Methods that change the model's own weights or layers, so that it is no reference any more."""
BESIDE = frozenset(
    {
        "adapter", "boft", "dora", "ia3", "loha", "lokr", "lora", "oft", "p_tuning", "prefix",
        "prompt", "qlora", "vera",
    }
)  # fmt: skip
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def keeps_base(plan: Plan) -> bool:
    """Whether the base model comes back when the adapter is switched off.

    Methods of others are judged by their plan: a rank or a packed base means an adapter.
    """
    if plan.method in OWN_WEIGHTS:
        return False
    return plan.method in BESIDE or plan.rank is not None or plan.quantisation != "none"


def is_precomputed(plan: Plan) -> bool:
    """Whether the reference's log-probabilities are computed before training.

    Raises PlanError when the option is no yes or no.
    """
    return flag(plan, "precompute_reference", default=False)


def reference_terms(plan: Plan, model: ModelCard) -> tuple[ExtraTerm, ...]:
    """A second copy of the weights, unless switching the adapter off or precomputing spares it.

    It has the precision of the trained model. Where part of the weights is trained, it is smaller.
    """
    if keeps_base(plan) or is_precomputed(plan):
        return ()
    size = float(_BYTES[plan.trained_precision or plan.precision] * model.parameters)
    return (
        ExtraTerm(
            name="reference model",
            bytes=Interval(low=size, likely=size, high=size),
            formula="bytes per weight x parameters",
            provenance=Provenance(kind="computed", source="trl-docs"),
            shared="weights",
        ),
    )


def reference_note(plan: Plan) -> str:
    """How the reference is had, in words."""
    if is_precomputed(plan):
        return "The reference's log-probabilities are computed once, before training."
    if keeps_base(plan):
        return "The reference is the base with the adapter switched off; no second copy."
    return "A frozen copy of what is trained is held as the reference."


def reference_passes(plan: Plan, each: float = 1.0) -> float:
    """Forward passes of the reference per token: every epoch, or once where precomputed."""
    return each / max(plan.epochs, 1.0) if is_precomputed(plan) else each
