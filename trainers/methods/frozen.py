"""Footprint of everything that trains beside a frozen base: adapters of all kinds and prompts."""

from __future__ import annotations

from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Phase, Plan
from trainers.methods.adapted import numbers
from trainers.methods.optimizers import optimizer_state_bytes, paged_bytes, step_copy
from trainers.methods.shapes import largest_linear, new_head
from trainers.methods.states import (
    WEIGHT_BYTES,
    base_notes,
    base_warnings,
    base_weight_bytes,
    packing_of,
)

BACKWARD_SHARE = 4 / 6
"""Forward and activation gradients; the frozen base needs no weight gradients."""
_PACKED = Provenance(kind="computed", source="trainers.methods.frozen")

LIBRARY = Provenance(
    kind="computed",
    source="peft",
    note="tensors that autograd keeps, counted in PEFT 0.21.2 and pinned by a test",
)

DELTA_WORK = 4.5
"""Work per adapted weight and token, in units of full tuning's 6, where a method multiplies by the
whole change in 32 bits: LoHa 4403 and LoKr 4780 against 8068 tokens/s without (`memory-evidence`,
peft-mmqa, query and value of a 3B model)."""
DELTA_WORK_AUTOCAST = 1.5
"""The same in 16 bits: assumed."""


def unpacked_layer(plan: Plan, model: ModelCard) -> tuple[ExtraTerm, ...]:
    """The largest quantised matrix, unpacked for its product: entries x bytes."""
    if plan.quantisation == "none":
        return ()
    entries, precision = largest_linear(model), plan.compute_precision or plan.precision
    size = float(entries * WEIGHT_BYTES[precision])
    return (
        ExtraTerm(
            name="unpacked layer",
            bytes=Interval(low=size, likely=size, high=size),
            formula="entries of the largest linear matrix x bytes per number",
            inputs={
                "entries": entries,
                "bytes_per_number": WEIGHT_BYTES[precision],
                "precision": precision,
            },
            provenance=_PACKED,
            phases=("load", "backward", "backward_end", "evaluation", "generation", "save"),
        ),
    )


def beside(
    plan: Plan,
    model: ModelCard,
    count: int,
    *,
    terms: tuple[ExtraTerm, ...] = (),
    work: float = 0.0,
    notes: tuple[str, ...] = (),
) -> Footprint:
    """The footprint of `count` parameters trained beside a frozen base.

    `work` is what the method computes per token beside base and gradient of its parameters, as a
    share of full tuning's. A head that the objective brings is trained beside. Raises PlanError for
    an optimizer that is not known.
    """
    size, count = numbers(plan).trained, count + new_head(plan, model)
    states = optimizer_state_bytes(plan.optimizer, count, size)
    return Footprint(
        trainable_parameters=count,
        base_weight_bytes=base_weight_bytes(plan, model),
        **packing_of(plan, model),
        adapter_weight_bytes=float(size * count),
        gradient_bytes=float(size * count),
        optimizer_bytes=states,
        paged_bytes=paged_bytes(plan.optimizer, states),
        compute_share=BACKWARD_SHARE + count / model.parameters + work,
        extra_terms=(
            *unpacked_layer(plan, model),
            *(term for term in terms if term.bytes.high > 0),
            *step_copy(plan.optimizer, count, size),
        ),
        trains_head=False,
        notes=(*notes, *base_notes(plan, model)),
        warnings=base_warnings(plan, model),
    )


def kept_term(plan: Plan, name: str, size: float, formula: str) -> ExtraTerm:
    """What an adapter keeps from the forward pass for its own gradients."""
    return ExtraTerm(
        name=name,
        bytes=Interval(low=size, likely=size, high=size),
        formula=formula,
        provenance=LIBRARY,
        phases=("backward",) if plan.gradient_checkpointing else ("loss", "backward"),
    )


def passing_term(
    name: str, size: float, formula: str, *, phases: tuple[Phase, ...] = ("backward",)
) -> ExtraTerm:
    """What one layer needs for a moment."""
    return ExtraTerm(
        name=name,
        bytes=Interval(low=0.0, likely=size, high=size),
        formula=formula,
        provenance=LIBRARY,
        phases=phases,
    )


def turn_term(plan: Plan, widths: int, size: float) -> ExtraTerm:
    """What an adapter's backward needs at the widest layer: tokens x width x bytes.

    `size` are bytes per token and unit of width, read off steps followed tensor by tensor.
    """
    tokens = plan.micro_batch_size * plan.sequence_length
    return passing_term(
        "adapter's backward", float(tokens * widths * size), "tokens x widest layer x bytes"
    )


def family_notes(model: ModelCard, label: str) -> tuple[str, ...]:
    """PEFT puts some methods on ordinary linear layers only, and GPT-2 has transposed ones."""
    if model.family != "gpt2" and model.architecture != "GPT2LMHeadModel":
        return ()
    return (f"PEFT has no {label} for the transposed linear layers of GPT-2.",)


def needs_rank(plan: Plan, label: str) -> list[Obstacle]:
    """A plan without rank cannot run."""
    if plan.rank is not None:
        return []
    return [Obstacle(severity="blocks", message=f"{label} needs a rank.", hint="Give --rank 16.")]


def needs_unpacked_base(plan: Plan, label: str, *refused: str) -> list[Obstacle]:
    """A base packed in a way that the method's layers cannot read."""
    if plan.quantisation not in refused:
        return []
    return [
        Obstacle(
            severity="blocks",
            message=f"{label} cannot sit on a base packed as {plan.quantisation}.",
            hint="Use --quantisation none, or LoRA.",
        )
    ]


def delta_work(plan: Plan, model: ModelCard, weights: int) -> float:
    """Work of a method that builds the whole change of `weights` entries and multiplies by it."""
    size = numbers(plan)
    unit = DELTA_WORK if size.path > size.activation else DELTA_WORK_AUTOCAST
    return unit * weights / model.parameters
