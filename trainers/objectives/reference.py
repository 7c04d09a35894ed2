"""The frozen reference that preference and reinforcement objectives hold the model against."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from advisor.contracts import Method
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ExtraTerm, Plan
from trainers.methods.adapter import AdapterMethod
from trainers.methods.freeze import FreezeMethod
from trainers.methods.llama_pro import LlamaProMethod
from trainers.methods.lora import LoraMethod, changes_base, init_of
from trainers.methods.options import flag
from trainers.methods.prompts import PrefixMethod, PromptMethod, PTuningMethod

OWN_WEIGHTS = frozenset({"full", "galore", "lisa"})
"""Methods that change all of the model's own weights, so that it is no reference any more."""
PARTS: Mapping[str, Method] = MappingProxyType(
    {
        "adapter": AdapterMethod(),
        "freeze": FreezeMethod(),
        "llama_pro": LlamaProMethod(),
        "p_tuning": PTuningMethod(),
        "prefix": PrefixMethod(),
        "prompt": PromptMethod(),
    }
)
"""Methods that train a part which stands in the model from the start: the part is copied."""
BESIDE = frozenset({"boft", "dora", "ia3", "loha", "lokr", "lora", "oft", "qlora", "vera"})
"""Adapters that can be switched off, unless they begin with a part of the base."""
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def keeps_base(plan: Plan) -> bool:
    """Whether the model of before training comes back when the adapter is switched off.

    Methods of others are judged by their plan: a rank or a packed base means an adapter. Raises
    PlanError for a start that LoRA does not know.
    """
    if plan.method in OWN_WEIGHTS or _part(plan) is not None:
        return False
    return plan.method in BESIDE or plan.rank is not None or plan.quantisation != "none"


def _part(plan: Plan) -> Method | None:
    """The method, where its trained part is held twice: PiSSA and OLoRA take it from the base."""
    if plan.method == "lora" and changes_base(init_of(plan)):
        return LoraMethod()
    return PARTS.get(plan.method)


def is_precomputed(plan: Plan) -> bool:
    """Whether the reference's log-probabilities are computed before training.

    Raises PlanError when the option is no yes or no.
    """
    return flag(plan, "precompute_reference", default=False)


def reference_terms(plan: Plan, model: ModelCard) -> tuple[ExtraTerm, ...]:
    """A second copy of what is trained, unless switching an adapter off or precomputing spares it.

    It has the precision of what is trained. Raises PlanError for options that the method refuses.
    """
    if keeps_base(plan) or is_precomputed(plan):
        return ()
    part = _part(plan)
    if part is None:
        size = float(_BYTES[plan.trained_precision or plan.precision] * model.parameters)
    else:
        size = part.footprint(plan, model).gradient_bytes  # one gradient per copied weight
    return (
        ExtraTerm(
            name="reference model",
            bytes=Interval(low=size, likely=size, high=size),
            formula="bytes per weight x parameters" + (" that are trained" if part else ""),
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
