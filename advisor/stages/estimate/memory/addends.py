"""What takes memory in a training run, each addend with its bytes, formula and source."""

from __future__ import annotations

from typing import NamedTuple

from advisor.schema.base import Provenance
from advisor.schema.plan import Phase
from advisor.stages.estimate.memory import passes, sharding, states
from advisor.stages.estimate.memory.activations import (
    follows_gradients,
    kept_bytes,
    last_layer_bytes,
    layer_backward_bytes,
)
from advisor.stages.estimate.memory.loss import held_logit_bytes, loss_bytes
from advisor.stages.estimate.memory.work import Work
from advisor.units import bytes_from_gib

Inputs = dict[str, float | int | str]


class Addend(NamedTuple):
    """Something that takes memory in a phase."""

    name: str
    bytes: float
    formula: str
    provenance: Provenance
    inputs: Inputs


_LOSS_FORMULAS = {
    "stock": "bytes x tokens x vocabulary, and the last norm",
    "fused": "bytes x tokens x vocabulary, and the last norm",
    "chunked": "bytes x one tile of tokens x vocabulary, the last norm, a trained head's gradient",
    "fused_linear": "the last norm, a chunk of logits, the hidden and a trained head's gradient",
}
_TRANSFORMERS = Provenance(kind="computed", source="layers of transformers")
_COMPUTED = Provenance(kind="computed", source="footprint of the method")
_SHARDED = Provenance(
    kind="measured", source="memory-evidence", note="the same runs on one, two and four cards"
)
_AUTOCAST = Provenance(
    kind="computed",
    source="stack-findings",
    note="traced: 8B in 32 bits under bfloat16 autocast takes 119.7 GiB full and 35.3 GiB LoRA",
)


def resident(work: Work) -> list[Addend]:
    """Weights, adapter, optimizer states and workspaces of one device."""
    foot, stack = work.footprint, work.stack
    weights = sharding.devices_sharing(work, "weights")
    return [
        Addend(
            "weights",
            states.weight_bytes(work),
            "(packed parameters x their bytes + other parameters x theirs + head bytes) x share",
            _COMPUTED,
            {**states.weight_inputs(work), "devices": weights},
        ),
        Addend(
            "adapter",
            states.adapter_bytes(work),
            "trained parameters x bytes x share",
            _COMPUTED,
            {
                **states.trained_inputs(work, foot.adapter_weight_bytes, "weights"),
                "devices": weights,
            },
        ),
        Addend(
            "optimizer states",
            states.optimizer_bytes(work),
            "trained parameters x bytes of states and 32-bit copies x share",
            _COMPUTED,
            {
                **states.trained_inputs(work, foot.optimizer_bytes - foot.paged_bytes, "states"),
                "optimizer": work.plan.optimizer,
                "devices": sharding.devices_sharing(work, "states"),
            },
        ),
        Addend(
            "framework",
            bytes_from_gib(stack.workspace_gib.interval.likely),
            "library workspaces",
            stack.workspace_gib.provenance,
            {},
        ),
    ]


def gradients(work: Work) -> Addend:
    """All gradients that live at once."""
    return Addend(
        "gradients",
        states.gradient_bytes(work),
        "trained parameters x bytes of the gradients that live at once x share",
        _COMPUTED,
        {
            **states.trained_inputs(work, states.live_gradient_bytes(work), "gradients"),
            "devices": sharding.devices_sharing(work, "gradients"),
        },
    )


def first_gradients(work: Work) -> list[Addend]:
    """What the backward pass has made when it goes through the last layer: the head's gradient."""
    size = states.first_gradient_bytes(work)
    formula = "trained parameters x bytes of the gradients of a trained head and one layer"
    inputs = states.trained_inputs(work, size, "no")
    return [Addend("gradients", size, formula, _COMPUTED, inputs)]


def _sizes(work: Work) -> Inputs:
    model = work.model
    return {"tokens": work.tokens, "layers": model.layers, "hidden": model.hidden_size}


def kept(work: Work) -> Addend:
    """What lives between forward and backward."""
    law = work.stack.kept_layer
    is_recomputed = work.plan.gradient_checkpointing
    return Addend(
        "activations",
        kept_bytes(work) * work.footprint.backward_share * sharding.kept_share(work),
        "layers x tokens x hidden x bytes" if is_recomputed else "layers x what one layer keeps",
        _TRANSFORMERS if law is None or is_recomputed else law.provenance,
        _sizes(work),
    )


def layer(work: Work) -> Addend:
    """What one layer's turn in the backward pass adds."""
    law = work.stack.layer_backward
    return Addend(
        "one layer's backward",
        layer_backward_bytes(work),
        "what one layer recomputes and the gradients between its parts",
        law.provenance if law else _TRANSFORMERS,
        _sizes(work),
    )


def last_layer(work: Work, layer: Addend) -> Addend:
    """The same at the lowest layer, when nearly all gradients are there."""
    return layer._replace(
        bytes=(
            last_layer_bytes(work)
            if follows_gradients(work)
            else states.end_bytes(work, layer.bytes)
        ),
        formula="one layer's turn less the embeddings' gradient, or a tied matrix' second gradient",
    )


def held_logits(work: Work) -> Addend:
    """Logits that a loop's own variable holds through the backward pass."""
    return Addend(
        "held logits",
        held_logit_bytes(work),
        "bytes x tokens x vocabulary",
        _TRANSFORMERS,
        {"tokens": work.tokens, "vocabulary": work.model.vocabulary_size},
    )


def loss(work: Work) -> Addend:
    """What the head's turn adds."""
    stack, head = work.stack, work.plan.loss_head
    figures = {"stock": stack.full_loss_bytes, "fused": stack.kernel_loss_bytes}
    return Addend(
        "logits and loss",
        loss_bytes(work),
        _LOSS_FORMULAS[head],
        figures.get(head, stack.fused_loss_bytes).provenance,
        {**_sizes(work), "vocabulary": work.model.vocabulary_size},
    )


def casts(work: Work) -> tuple[Addend, Addend]:
    """16-bit copies of 32-bit weights under autocast, at the loss and at one layer's turn."""
    at_loss, at_layer = states.cast_bytes(work)
    name, formula = "16-bit weights", "2 x 32-bit weights that autocast has lowered and holds"
    inputs: Inputs = {"parameters": work.model.parameters}
    return (
        Addend(name, at_loss, formula, _AUTOCAST, inputs),
        Addend(name, at_layer, formula, _AUTOCAST, inputs),
    )


def evaluation(work: Work) -> Addend:
    """A forward pass over an evaluation batch."""
    return Addend(
        "evaluation",
        passes.evaluation_bytes(work),
        "tokens x (bytes x vocabulary + one layer's forward pass)",
        _TRANSFORMERS,
        {"sequences": work.plan.evaluation_batch_size or 0, "length": work.length},
    )


def generation(work: Work) -> Addend:
    """The cache of keys and values, and what a pass over the prompts takes."""
    return Addend(
        "generation",
        passes.generation_bytes(work),
        "2 x layers x key/value width x bytes x tokens, one layer's forward pass, last logits",
        _TRANSFORMERS,
        {"sequences": passes.generating_sequences(work), "tokens": passes.cached_length(work)},
    )


def sharded(work: Work, phase: Phase) -> list[Addend]:
    """What several devices hold on top while they work together; none of it is a share."""
    if work.plan.strategy == "single" and work.plan.offload == "none":
        return []
    found = []
    gathered = sharding.gathered_bytes(work, phase)
    if gathered:
        formula = "embeddings and head, and in the backward pass one layer, whole"
        inputs: Inputs = {"devices": work.plan.gpus}
        found.append(Addend("gathered weights", gathered, formula, _SHARDED, inputs))
    if phase == "backward":
        held = sharding.retained_gradient_bytes(work)
        formula = "(layers - 2) x tokens x hidden x bytes, held by hooks of frozen units"
        found.append(Addend("gradients of layer inputs", held, formula, _SHARDED, _sizes(work)))
    if phase in ("backward", "backward_end"):
        loose = sharding.loose_gradient_bytes(work)
        formula = "of one unit, before reduction"
        found.append(Addend("whole gradients", loose, formula, _SHARDED, {}))
    if phase in ("backward_end", "optimizer_step") or (
        phase in ("loss", "backward") and work.plan.gradient_accumulation_steps > 1
    ):
        buckets = sharding.bucket_bytes(work)
        formula = "what gradients travel in: a copy of all, or of two times 200 million numbers"
        found.append(Addend("gradient buckets", buckets, formula, _SHARDED, {}))
    if phase == "optimizer_step":
        wide = sharding.master_gradient_bytes(work)
        formula = "4 x trained parameters / devices"
        found.append(Addend("32-bit gradients", wide, formula, _SHARDED, {}))
    return found


def added(work: Work) -> list[tuple[tuple[Phase, ...], Addend]]:
    """What method and objective add, with the phases it lives in; none means all."""
    return [
        (
            one.phases,
            Addend(
                one.name,
                one.bytes.likely * sharding.share(work, one.shared),
                one.formula,
                one.provenance,
                one.inputs,
            ),
        )
        for one in (*work.footprint.extra_terms, *work.objective.extra_terms)
        if one.bytes.likely > 0
    ]
