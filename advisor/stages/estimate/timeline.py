"""One training step as a timeline: what lives in memory in each phase, as terms with formulas."""

from __future__ import annotations

from advisor.schema.base import Provenance
from advisor.schema.estimate import Term
from advisor.schema.plan import Phase
from advisor.stages.estimate import sharding, states
from advisor.stages.estimate.activations import kept_bytes, layer_backward_bytes
from advisor.stages.estimate.loss import loss_bytes
from advisor.stages.estimate.work import Work
from advisor.units import gib_from_bytes

PHASES: tuple[Phase, ...] = ("loss", "backward", "backward_end", "optimizer_step")


def _term(name: str, size: float, formula: str, provenance: Provenance, **inputs: float) -> Term:
    return Term(
        name=name,
        gib=gib_from_bytes(size),
        formula=formula,
        inputs=dict(inputs),
        provenance=provenance,
    )


_LOSS_FORMULAS = {
    "stock": "bytes x tokens x vocabulary, and the last norm",
    "fused": "bytes x tokens x vocabulary, and the last norm",
    "chunked": "bytes x one tile of tokens x vocabulary, the last norm, a trained head's gradient",
    "fused_linear": "the last norm, and a trained head's gradient",
}
_TRANSFORMERS = Provenance(kind="computed", source="layers of transformers")
_COMPUTED = Provenance(kind="computed", source="footprint of the method")
_SHARDED = Provenance(
    kind="measured", source="memory-evidence", note="the same runs on one, two and four cards"
)


def _states(work: Work) -> dict[str, Term]:
    """Weights, adapter, gradients and optimizer states on one device."""
    foot = work.footprint
    weights, gradients, devices = (
        sharding.devices_sharing(work, kind) for kind in ("weights", "gradients", "states")
    )
    return {
        "weights": _term(
            "weights",
            states.weight_bytes(work),
            "bytes of the base weights as loaded / devices that share them",
            _COMPUTED,
            parameters=work.model.parameters,
            devices=weights,
        ),
        "adapter": _term(
            "adapter",
            states.adapter_bytes(work),
            "bytes of the adapter weights / devices that share them",
            _COMPUTED,
            trainable_parameters=foot.trainable_parameters,
            devices=weights,
        ),
        "gradients": _term(
            "gradients",
            states.gradient_bytes(work),
            "bytes of all gradients / devices that share them, and buckets to send them",
            _COMPUTED,
            trainable_parameters=foot.trainable_parameters,
            devices=gradients,
        ),
        "optimizer states": _term(
            "optimizer states",
            states.optimizer_bytes(work),
            "bytes of the optimizer states and 32-bit copies / devices that share them",
            _COMPUTED,
            trainable_parameters=foot.trainable_parameters,
            devices=devices,
        ),
    }


def _activations(work: Work) -> dict[str, Term]:
    """What lives between forward and backward, and at one layer's or the loss head's turn."""
    model, stack = work.model, work.stack
    law = stack.layer_backward.provenance if stack.layer_backward else _TRANSFORMERS
    loss = stack.full_loss_bytes if work.plan.loss_head == "stock" else stack.fused_loss_bytes
    sizes = {"tokens": work.tokens, "layers": model.layers, "hidden": model.hidden_size}
    kept = (
        "layers x tokens x hidden x bytes"
        if work.plan.gradient_checkpointing
        else "layers x what one layer keeps"
    )
    return {
        "kept": _term(
            "activations", kept_bytes(work) * sharding.kept_share(work), kept, law, **sizes
        ),
        "layer": _term(
            "one layer's backward",
            layer_backward_bytes(work),
            "tokens x bytes x (a hidden + b query + c key/value + d feed-forward)",
            law,
            **sizes,
        ),
        "loss": _term(
            "logits and loss",
            loss_bytes(work),
            _LOSS_FORMULAS[work.plan.loss_head],
            loss.provenance,
            vocabulary=model.vocabulary_size,
            **sizes,
        ),
    }


def _sharded(work: Work, phase: Phase) -> list[Term]:
    """What several devices hold on top while they work together."""
    found = [
        _term(
            "gathered weights",
            sharding.gathered_bytes(work, phase),
            "embeddings and head, and in the backward pass one layer, whole",
            _SHARDED,
            devices=work.plan.gpus,
        )
    ]
    if phase == "backward":
        held = sharding.retained_gradient_bytes(work)
        found.append(
            _term(
                "gradients of layer inputs",
                held,
                "(layers - 2) x tokens x hidden x bytes, held by hooks of frozen units",
                _SHARDED,
                layers=work.model.layers,
                tokens=work.tokens,
            )
        )
    if phase in ("backward", "backward_end"):
        loose = sharding.loose_gradient_bytes(work)
        found.append(_term("whole gradients", loose, "of one unit, before reduction", _SHARDED))
    if phase == "optimizer_step":
        wide = sharding.master_gradient_bytes(work)
        found.append(_term("32-bit gradients", wide, "4 x trained parameters / devices", _SHARDED))
    return found


def _extra(work: Work, phase: Phase) -> list[Term]:
    return [
        _term(
            extra.name,
            extra.bytes.likely * sharding.share(work, extra.shared),
            extra.formula,
            extra.provenance,
        )
        for extra in work.footprint.extra_terms
        if not extra.phases or phase in extra.phases
    ]


def phase_terms(work: Work) -> dict[Phase, list[Term]]:
    """Terms alive in each phase of a step that is not the first.

    The loss is computed while all kept activations live and no gradient does, except those of
    earlier micro-batches. Then one layer after the other is gone through, activations leave and
    gradients come. At the end all gradients live; the optimizer adds its temporaries.
    """
    state, acts = _states(work), _activations(work)
    workspace = work.stack.workspace_gib
    resident = [
        state["weights"],
        state["adapter"],
        state["optimizer states"],
        Term(
            name="framework",
            gib=workspace.interval.likely,
            formula="library workspaces",
            inputs={},
            provenance=workspace.provenance,
        ),
    ]
    earlier = [state["gradients"]] if work.plan.gradient_accumulation_steps > 1 else []
    alive: dict[Phase, list[Term]] = {
        "loss": [*resident, *earlier, acts["kept"], acts["loss"]],
        "backward": [*resident, *earlier, acts["kept"], acts["layer"]],
        "backward_end": [*resident, state["gradients"], acts["layer"]],
        "optimizer_step": [*resident, state["gradients"]],
    }
    return {
        phase: [t for t in (*terms, *_sharded(work, phase), *_extra(work, phase)) if t.gib > 0]
        for phase, terms in alive.items()
    }
