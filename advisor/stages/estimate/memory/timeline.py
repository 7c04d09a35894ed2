"""One training step, and what comes around it, as a timeline: what lives in memory when."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.schema.estimate import Term
from advisor.schema.plan import Phase
from advisor.stages.estimate.memory import addends, passes
from advisor.stages.estimate.memory.addends import Addend
from advisor.stages.estimate.memory.work import Work
from advisor.units import gib_from_bytes


def timeline(work: Work) -> dict[Phase, list[Addend]]:
    """What is alive in each phase of a step that is not the first, and around it.

    The loss is computed while all kept activations live and no gradient does, except those of
    earlier micro-batches. Then one layer after the other is gone through, activations leave and
    gradients come. At the end all gradients live; the optimizer adds its temporaries. Evaluation,
    generation and merging find neither gradients nor kept activations.
    """
    resident, gradients = addends.resident(work), addends.gradients(work)
    kept, layer, loss = addends.kept(work), addends.layer(work), addends.loss(work)
    earlier = [gradients] if work.plan.gradient_accumulation_steps > 1 else []
    cast_all, cast_layer = addends.casts(work)
    logits = addends.held_logits(work)
    alive: dict[Phase, list[Addend]] = {
        "load": [resident[0]],
        "loss": [*resident, *earlier, kept, loss, cast_all],
        "backward": [
            *resident,
            *(earlier or addends.first_gradients(work)),
            kept,
            layer,
            cast_layer,
            logits,
        ],
        "backward_end": [*resident, gradients, addends.last_layer(work, layer), cast_layer, logits],
        "optimizer_step": [*resident, gradients],
        "save": resident[:3],
    }
    if work.plan.evaluation_batch_size is not None:
        alive["evaluation"] = [*resident, addends.evaluation(work)]
    if passes.generates(work):
        alive["generation"] = [*resident, addends.generation(work)]
    added = addends.added(work)
    return {
        phase: [
            addend
            for addend in (
                *living,
                *addends.sharded(work, phase),
                *(addend for phases, addend in added if not phases or phase in phases),
            )
            if addend.bytes > 0
        ]
        for phase, living in alive.items()
    }


def terms(living: Sequence[Addend]) -> tuple[Term, ...]:
    """The same as values, in GiB."""
    return tuple(
        Term(
            name=addend.name,
            gib=gib_from_bytes(addend.bytes),
            formula=addend.formula,
            inputs=addend.inputs,
            provenance=addend.provenance,
        )
        for addend in living
    )


def phase_terms(work: Work) -> dict[Phase, list[Term]]:
    """The terms of every phase."""
    return {phase: list(terms(living)) for phase, living in timeline(work).items()}
