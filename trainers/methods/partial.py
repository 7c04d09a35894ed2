"""Footprint of methods that train a part of the model's own weights."""

from __future__ import annotations

from advisor.errors import PlanError
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from trainers.methods.optimizers import optimizer_state_bytes, paged_bytes, step_copy
from trainers.methods.states import WEIGHT_BYTES

FORWARD, BACKWARD, GRADIENT = 2 / 6, 2 / 6, 2 / 6
"""Shares of full tuning's work: forward, gradients of activations, gradients of weights."""


def trained_bytes(plan: Plan) -> int:
    """Bytes of a trained weight: the plan's, or those of the weights as loaded."""
    return WEIGHT_BYTES[plan.trained_precision or plan.precision]


def embeddings(model: ModelCard) -> int:
    """Entries of the embedding tables."""
    if model.embedding_parameters is not None:
        return model.embedding_parameters
    return model.vocabulary_size * model.hidden_size


def head(model: ModelCard) -> int:
    """Entries of the output head that no embedding shares."""
    if model.head_parameters is not None:
        return model.head_parameters
    return 0 if model.tied_embeddings else model.vocabulary_size * model.hidden_size


def largest_layer(model: ModelCard) -> int:
    """Parameters of the largest layer."""
    return max(group.parameters for group in model.layer_groups)


def top_layers(model: ModelCard, layers: int) -> int:
    """Parameters of the last layers.

    Raises PlanError when the model has fewer.
    """
    if layers > model.layers:
        raise PlanError(
            f"{model.id} has {model.layers} layers, not {layers}.",
            hint=f"Give at most {model.layers} layers.",
        )
    left, total = layers, 0
    for group in reversed(model.layer_groups):
        taken = min(left, group.count)
        total += taken * group.parameters
        left -= taken
    return total


def partly(
    plan: Plan,
    model: ModelCard,
    count: int,
    *,
    tables: int = 0,
    share: float = 1.0,
    terms: tuple[ExtraTerm, ...] = (),
) -> Footprint:
    """The footprint of `count` trained weights out of the model's own.

    `tables` of them lie in embeddings and head; `share` of the layers is gone back through. Raises
    PlanError for an optimizer that is not known.
    """
    loaded, size = WEIGHT_BYTES[plan.precision], trained_bytes(plan)
    largest = max(tables, *(one.weights for g in model.layer_groups for one in g.linears))
    states = optimizer_state_bytes(plan.optimizer, count, size, embeddings=tables)
    return Footprint(
        trainable_parameters=count,
        base_weight_bytes=float(loaded * (model.parameters - count) + size * count),
        gradient_bytes=float(size * count),
        optimizer_bytes=states,
        paged_bytes=paged_bytes(plan.optimizer, states),
        compute_share=FORWARD + BACKWARD * share + GRADIENT * min(count / model.parameters, 1.0),
        backward_share=share,
        extra_terms=(*terms, *step_copy(plan.optimizer, count, size, largest=largest)),
    )


def needs_own_weights(plan: Plan, label: str) -> list[Obstacle]:
    """Packed weights cannot be trained, and 16-bit floats of narrow exponent lose gradients."""
    found = []
    if plan.quantisation != "none":
        found.append(
            Obstacle(
                severity="blocks",
                message=f"{label} trains weights that {plan.quantisation} has packed.",
                hint="Use --quantisation none, or QLoRA.",
            )
        )
    if plan.precision == "float16" and plan.trained_precision != "float32":
        found.append(
            Obstacle(
                severity="blocks",
                message=f"{label} in float16 loses small gradients.",
                hint="Use --precision bfloat16 or float32.",
            )
        )
    return found
