"""LoRA: the base stays frozen, small low-rank matrices beside its linear layers are trained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.errors import PlanError
from advisor.schema.architecture import Linear
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from trainers.methods.adapted import (
    Adapted,
    Kept,
    Numbers,
    adapted_linears,
    kept_rates,
    numbers,
    trained_entries,
)
from trainers.methods.frozen import beside
from trainers.methods.optimizers import SINGLE
from trainers.methods.options import flag, number
from trainers.methods.shapes import largest_linear

_KEPT = Provenance(kind="computed", source="peft", note="what autograd keeps of a LoRA layer")


def rank_of(plan: Plan) -> int:
    """The plan's rank.

    Raises PlanError when it has none.
    """
    if plan.rank is None:
        raise PlanError(
            f"{plan.method} needs a rank.", hint="Give one with --rank, for example 16."
        )
    return plan.rank


INITS = ("default", "gaussian", "orthogonal", "pissa", "pissa_niter_16", "olora")
PACKED_INITS = ("default", "gaussian")
"""Starts that a packed base leaves open: the others need the whole weights."""


def changes_base(init: str) -> bool:
    """Whether the start takes a part of the base's weights away (PiSSA, OLoRA)."""
    return init.startswith(("pissa", "olora"))


def init_of(plan: Plan) -> str:
    """How the matrices begin: B zero (`default`), or as one of `INITS` says.

    Raises PlanError for another word, and for one that a packed base has no weights for.
    """
    value = plan.method_options.get("init", "default")
    known = INITS if plan.quantisation == "none" and plan.base_bits > 8 else PACKED_INITS
    if value in known or (known is INITS and re.fullmatch(r"pissa_niter_[1-9]\d*", str(value))):
        return str(value)
    packed = " on a packed base" if known is PACKED_INITS and value in INITS else ""
    raise PlanError(
        f"The option 'init' is {value!r}, which cannot be{packed}.",
        hint=f"Choose from {', '.join(known)}.",
    )


def lora_plus(plan: Plan) -> float | None:
    """How many times faster B learns than A (LoRA+); None: equally fast.

    Raises PlanError for no positive number.
    """
    if "lora_plus" not in plan.method_options:
        return None
    ratio = number(plan, "lora_plus", 16.0)
    if ratio > 0:
        return ratio
    raise PlanError("The option 'lora_plus' is 0.", hint="Give a ratio, for example 16.")


def check_options(plan: Plan) -> None:
    """Raise PlanError for options that LoRA cannot use."""
    init_of(plan)
    lora_plus(plan)
    flag(plan, "rslora", default=False)


_Groups = tuple[tuple[Adapted, ...], ...]
_REACHED: dict[tuple[int, str, bool], tuple[ModelCard, _Groups, int]] = {}
"""What was asked last; a card is kept with the answer, so that its id stays its own."""
_REMEMBERED = 256


def _reached(model: ModelCard, plan: Plan) -> tuple[_Groups, int]:
    """The adapted layers, and the widths that one unit of rank adds up to."""
    fused = plan.experts in (None, "fused")
    key = (id(model), plan.target_modules, fused)
    if key not in _REACHED:
        groups = adapted_linears(model, plan.target_modules, reaches_experts=fused)
        widths = trained_entries(groups, lambda linear: linear.inputs + linear.outputs)
        if len(_REACHED) >= _REMEMBERED:
            _REACHED.clear()
        _REACHED[key] = (model, groups, widths)
    return _REACHED[key][1:]


def adapter_inputs(plan: Plan, groups: _Groups, sizes: Numbers, rank: int) -> ExtraTerm:
    """What LoRA layers keep for the gradients of both matrices.

    The input, shared by siblings unless a cast or dropout gives each its own, a byte of mask per
    dropped-out number, and the product with the first matrix; under autocast, copies of both
    matrices in the lower precision.
    """
    has_own_copy = sizes.casts_input or plan.dropout > 0
    mask = 1 if plan.dropout > 0 else 0

    def kept(linear: Linear) -> Kept:
        width = float(linear.inputs * sizes.path)
        between = float(rank * sizes.path + linear.inputs * mask)
        if has_own_copy:
            copies = rank * sizes.path * (linear.inputs + linear.outputs)
            lowered = float(copies) if sizes.path < sizes.trained else 0.0
            return Kept(per_token=width + between, per_matrix=lowered)
        return Kept(per_token=between, shared_input=width)

    per_token, fixed = kept_rates(plan, groups, kept)
    tokens = plan.micro_batch_size * plan.sequence_length
    size = tokens * per_token + fixed
    return ExtraTerm(
        name="adapter inputs",
        bytes=Interval(low=size, likely=size, high=size),
        formula="tokens x bytes per token (input widths and rank of what is kept) + fixed bytes",
        inputs={
            "tokens": tokens,
            "bytes_per_token": per_token,
            "fixed_bytes": fixed,
            "rank": rank,
            "bytes_per_number": sizes.path,
        },
        provenance=_KEPT,
        phases=("backward",) if plan.gradient_checkpointing else ("loss", "backward"),
    )


def expert_changes(groups: _Groups, sizes: Numbers) -> tuple[ExtraTerm, ...]:
    """The gradient of changed experts at its height: bytes x entries of the smaller tensor.

    The sums of experts and their changes are kept as adapter inputs; the gradient of the larger
    tensor's comes when the smaller one's sum has gone. Traced: 0.9 GiB of a Mixtral layer.
    """
    fused = [[one.linear for one in group if one.is_fused] for group in groups]
    smaller = (
        min(linear.copies * linear.weights for linear in linears) for linears in fused if linears
    )
    entries = max(smaller, default=0)
    if not entries:
        return ()
    size = float(sizes.activation * entries)
    return (
        ExtraTerm(
            name="change of experts",
            bytes=Interval(low=0.0, likely=size, high=size),
            formula="bytes x entries of the smaller tensor of experts",
            inputs={"entries": entries, "bytes_per_number": sizes.activation},
            provenance=_KEPT,
            phases=("backward",),
        ),
    )


def merged_change(model: ModelCard) -> ExtraTerm:
    """The change of the largest matrix, multiplied out in 32 bits when adapters are merged."""
    size = float(largest_linear(model) * SINGLE)
    return ExtraTerm(
        name="merged change",
        bytes=Interval(low=size, likely=size, high=size),
        formula="entries of the largest linear matrix x bytes per number",
        inputs={"entries": largest_linear(model), "bytes_per_number": SINGLE},
        provenance=_KEPT,
        phases=("save",),
    )


def lora_footprint(plan: Plan, model: ModelCard, *, notes: tuple[str, ...] = ()) -> Footprint:
    """Frozen base as the plan loads it; low-rank matrices, their gradients and states.

    Raises PlanError without a rank, for unknown target modules or an unknown optimizer.
    """
    check_options(plan)
    rank = rank_of(plan)
    groups, widths = _reached(model, plan)
    sizes = numbers(plan)
    return beside(
        plan,
        model,
        rank * widths,
        terms=(
            merged_change(model),
            adapter_inputs(plan, groups, sizes, rank),
            *expert_changes(groups, sizes),
        ),
        notes=notes,
    )


class LoraMethod:
    """Low-rank adapters beside linear layers."""

    info = MethodInfo(
        id="lora",
        label="LoRA",
        extra="train",
        cost_rank=1,
        needs_rank=True,
        options=("rslora", "init", "lora_plus"),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Frozen base; adapters with gradients and states in 32 bits unless the plan says else.

        Options: `rslora` (scale by the root of the rank, off), `init` (default, gaussian,
        orthogonal, pissa, pissa_niter_N, olora), `lora_plus` (how many times faster B learns).
        Raises PlanError without a rank, for unknown target modules, options or optimizer.
        """
        return lora_footprint(plan, model)

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Low-rank matrices beside the target modules; alpha is twice the rank by default.

        Raises PlanError for values that PEFT refuses.
        """
        from trainers.methods._lora import put_lora  # noqa: PLC0415 - delays torch

        return put_lora(model, plan)

    def keep(self, model: Any, folder: Path) -> None:
        """An adapter folder that PEFT opens on the untouched base, whatever the start was."""
        from trainers.methods._lora import keep_lora  # noqa: PLC0415 - delays torch

        keep_lora(model, folder)

    def restore(self, model: Any, folder: Path) -> Any:
        """The base with the adapter on it. Raises ModelFolderError where it does not fit."""
        from trainers.methods._lora import restore_lora  # noqa: PLC0415 - delays torch

        return restore_lora(model, folder)

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """A plan without rank cannot run."""
        _ = machine
        if plan.rank is not None:
            return []
        return [Obstacle(severity="blocks", message="LoRA needs a rank.", hint="Give --rank 16.")]
