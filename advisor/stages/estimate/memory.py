"""What lives in memory in each phase of a training step, as terms with their formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard, Stack
from advisor.schema.estimate import Term
from advisor.schema.plan import ExtraTerm, Footprint, Phase, Plan
from advisor.units import gib_from_bytes

PHASES: tuple[Phase, ...] = ("loss", "backward", "backward_end", "optimizer_step")
NUMBER_BYTES: Mapping[str, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
_SHARDS_WEIGHTS = ("zero3", "fsdp")
_SHARDS_GRADIENTS = ("zero2", *_SHARDS_WEIGHTS)
_SHARDS_STATES = ("zero1", *_SHARDS_GRADIENTS)


@dataclass(frozen=True)
class Work:
    """What the memory of a plan is computed from."""

    plan: Plan
    model: ModelCard
    footprint: Footprint
    stack: Stack

    @property
    def tokens(self) -> int:
        """Tokens of one micro-batch on one device."""
        return self.plan.micro_batch_size * self.plan.sequence_length

    @property
    def number_bytes(self) -> int:
        """Bytes of one activation."""
        return NUMBER_BYTES[self.plan.precision]

    @property
    def trains_all(self) -> bool:
        """Whether every weight, the head included, is trained."""
        return self.footprint.trainable_parameters >= self.model.parameters

    def shards(self, sharding: tuple[str, ...]) -> int:
        """Over how many devices something is split."""
        return self.plan.gpus if self.plan.strategy in sharding else 1


def layer_bytes(work: Work) -> float:
    """What one layer keeps for its backward pass.

    Tokens x bytes x (a x hidden + b x query width + c x key/value width + d x feed-forward), with
    a to d measured for the stack. Source: fitcheck.
    """
    model, stack = work.model, work.stack
    elements = (
        stack.layer_hidden.interval.likely * model.hidden_size
        + stack.layer_query.interval.likely * model.attention_heads * model.head_dim
        + stack.layer_key_value.interval.likely * model.key_value_heads * model.head_dim
        + stack.layer_feed_forward.interval.likely * model.intermediate_size
    )
    return work.tokens * work.number_bytes * elements


def checkpoint_bytes(work: Work) -> float:
    """Layer inputs kept under checkpointing: layers x tokens x hidden x bytes."""
    model = work.model
    return float(model.layers * work.tokens * model.hidden_size * work.number_bytes)


def loss_bytes(work: Work) -> float:
    """Logits and their gradients, of all tokens and entries or of one tile of them.

    Full: bytes x tokens x vocabulary. Fused: bytes x min(tokens, tile) x min(vocabulary, tile),
    and a 32-bit gradient of the head where the head is trained.
    """
    model, stack = work.model, work.stack
    if work.plan.loss_head == "stock":
        return stack.full_loss_bytes.interval.likely * work.tokens * model.vocabulary_size
    tile = min(work.tokens, stack.fused_loss_tokens) * min(
        model.vocabulary_size, stack.fused_loss_vocabulary
    )
    head = 4.0 * model.vocabulary_size * model.hidden_size if work.trains_all else 0.0
    return stack.fused_loss_bytes.interval.likely * tile + head


def _term(name: str, size: float, formula: str, provenance: Provenance, **inputs: float) -> Term:
    return Term(
        name=name,
        gib=gib_from_bytes(size),
        formula=formula,
        inputs=dict(inputs),
        provenance=provenance,
    )


_COMPUTED = Provenance(kind="computed", source="footprint of the method")


def _states(work: Work) -> dict[str, Term]:
    """Weights, adapter, gradients and optimizer states on one device."""
    plan, foot = work.plan, work.footprint
    weights, gradients, states = (
        work.shards(s) for s in (_SHARDS_WEIGHTS, _SHARDS_GRADIENTS, _SHARDS_STATES)
    )
    return {
        "weights": _term(
            "weights",
            foot.base_weight_bytes / weights,
            "bytes of the base weights as loaded / devices that share them",
            _COMPUTED,
            parameters=work.model.parameters,
            devices=weights,
        ),
        "adapter": _term(
            "adapter",
            foot.adapter_weight_bytes / weights,
            "bytes of the adapter weights / devices that share them",
            _COMPUTED,
            trainable_parameters=foot.trainable_parameters,
            devices=weights,
        ),
        "gradients": _term(
            "gradients",
            foot.gradient_bytes / gradients * (2 if plan.strategy == "ddp" else 1),
            "bytes of all gradients / devices that share them; twice under ddp (its buckets)",
            _COMPUTED,
            trainable_parameters=foot.trainable_parameters,
            devices=gradients,
        ),
        "optimizer states": _term(
            "optimizer states",
            foot.optimizer_bytes / states,
            "bytes of the optimizer states / devices that share them",
            _COMPUTED,
            trainable_parameters=foot.trainable_parameters,
            devices=states,
        ),
    }


def _activations(work: Work) -> dict[str, Term]:
    """What lives between forward and backward, and at one layer's or the loss head's turn."""
    model, stack = work.model, work.stack
    layer = layer_bytes(work)
    sizes = {"tokens": work.tokens, "bytes": work.number_bytes, "layers": model.layers}
    kept = checkpoint_bytes(work) if work.plan.gradient_checkpointing else model.layers * layer
    return {
        "kept": _term(
            "activations",
            kept,
            "layers x tokens x hidden x bytes"
            if work.plan.gradient_checkpointing
            else "layers x what one layer keeps",
            stack.layer_hidden.provenance,
            hidden=model.hidden_size,
            **sizes,
        ),
        "layer": _term(
            "one layer's backward",
            layer,
            "tokens x bytes x (a hidden + b query + c key/value + d feed-forward)",
            stack.layer_hidden.provenance,
            hidden=model.hidden_size,
            feed_forward=model.intermediate_size,
            **sizes,
        ),
        "loss": _term(
            "logits and loss",
            loss_bytes(work),
            "bytes x tokens x vocabulary"
            if work.plan.loss_head == "stock"
            else "bytes x one tile of tokens x vocabulary, and the head's gradient where trained",
            (
                stack.full_loss_bytes if work.plan.loss_head == "stock" else stack.fused_loss_bytes
            ).provenance,
            vocabulary=model.vocabulary_size,
            **sizes,
        ),
    }


def _gathered_layer(work: Work) -> list[Term]:
    """Full sharding gathers one layer's weights, and prefetches the next."""
    shards = work.shards(_SHARDS_WEIGHTS)
    if shards == 1:
        return []
    size = 2 * work.footprint.base_weight_bytes / work.model.layers
    return [_term("gathered layers", size, "2 x base weights / layers", _COMPUTED, devices=shards)]


def _extra(terms: tuple[ExtraTerm, ...], phase: Phase) -> list[Term]:
    return [
        _term(extra.name, extra.bytes.likely, extra.formula, extra.provenance)
        for extra in terms
        if not extra.phases or phase in extra.phases
    ]


def phase_terms(work: Work) -> dict[Phase, list[Term]]:
    """Terms alive in each phase of a step that is not the first.

    The loss is computed while all kept activations live and no gradient does, except those of
    earlier micro-batches. Then one layer after the other is gone through, activations leave and
    gradients come. At the end all gradients live; the optimizer adds its temporaries.
    """
    states, acts = _states(work), _activations(work)
    workspace = work.stack.workspace_gib
    resident = [
        states["weights"],
        states["adapter"],
        states["optimizer states"],
        Term(
            name="framework",
            gib=workspace.interval.likely,
            formula="library workspaces",
            inputs={},
            provenance=workspace.provenance,
        ),
        *_gathered_layer(work),
    ]
    earlier = [states["gradients"]] if work.plan.gradient_accumulation_steps > 1 else []
    alive: dict[Phase, list[Term]] = {
        "loss": [*resident, *earlier, acts["kept"], acts["loss"]],
        "backward": [*resident, *earlier, acts["kept"], acts["layer"]],
        "backward_end": [*resident, states["gradients"], acts["layer"]],
        "optimizer_step": [*resident, states["gradients"]],
    }
    return {
        phase: [t for t in (*terms, *_extra(work.footprint.extra_terms, phase)) if t.gib > 0]
        for phase, terms in alive.items()
    }
