"""Floating point work and activation traffic of one token, from plan and model."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.schema.catalog import ModelCard
from advisor.stages.estimate.memory.work import Work

FULL_WORK = 6.0
"""Floating point operations per token and parameter: 2 forward, 4 backward."""
FORWARD_WORK = 2.0
RESIDUAL_ELEMENTS = 8
"""Activations of hidden width that one pass over a layer moves: norms, residuals, projections."""
_KEPT_SHAPES = 64


@dataclass(frozen=True)
class Shape:
    """What one token meets on its way through a model."""

    products: float
    """Parameters whose matrix products it goes through, output head included."""
    head: float
    """Parameters of the output head."""
    elements: float
    """Activation elements that one pass over all layers moves, beside attention scores."""
    attention: tuple[tuple[int, int | None], ...]
    """Width of all query heads times layers, and the window, by kind of layer."""
    experts: int
    """Experts over all layers."""
    score_rows: int
    """Layers x query heads: rows of attention scores per token."""


_shapes: dict[int, tuple[ModelCard, Shape]] = {}


def shape_of(model: ModelCard) -> Shape:
    """The model's shape, remembered for the last models asked for."""
    known = _shapes.get(id(model))
    if known is not None and known[0] is model:
        return known[1]
    if len(_shapes) >= _KEPT_SHAPES:
        _shapes.clear()
    shape = _shape(model)
    _shapes[id(model)] = (model, shape)
    return shape


def _shape(model: ModelCard) -> Shape:
    """Sums over layers; looking embeddings up costs no products, the output head does."""
    table = model.vocabulary_size * model.hidden_size
    embeddings = table if model.embedding_parameters is None else model.embedding_parameters
    active = model.active_parameters or model.parameters
    looked_up = max(embeddings - (table if model.tied_embeddings else 0), 0)
    query = model.attention_heads * model.head_dim
    key_value = model.key_value_heads * model.head_dim
    fixed = RESIDUAL_ELEMENTS * model.hidden_size + 2 * query + 2 * key_value
    windows: dict[int | None, int] = {}
    elements = 0
    for group in model.layer_groups:
        wide = group.intermediate_size * (3 if group.gated else 2)
        elements += group.count * (fixed + wide)
        windows[group.window] = windows.get(group.window, 0) + group.count * query
    return Shape(
        products=max(float(active - looked_up), 0.1 * active),
        head=float(table),
        elements=float(elements),
        attention=tuple((width, window) for window, width in windows.items()),
        experts=sum(group.count * group.experts for group in model.layer_groups),
        score_rows=model.layers * model.attention_heads,
    )


def forward_share(work: Work) -> float:
    """Forward passes beside the one of training: the recomputed one and those of the objective."""
    again = work.footprint.backward_share if work.plan.gradient_checkpointing else 0.0
    return again + work.objective.forward_passes


def product_work(work: Work) -> float:
    """Operations of matrix products per token.

    Parameters x (6 x share + 2 for every further forward pass); the output head is not recomputed.
    """
    shape = shape_of(work.model)
    again = FORWARD_WORK * forward_share(work)
    kept = shape.head * FORWARD_WORK if work.plan.gradient_checkpointing else 0.0
    return shape.products * (FULL_WORK * work.footprint.compute_share + again) - kept


def attention_work(work: Work, length: float) -> float:
    """Operations of attention per token: 2 x reach x width of all heads x passes, causal halved.

    Reach is the length, or within a window W of a length s: W x (2 - W/s). Eager attention and
    encoders compute the half above the diagonal too. The backward pass costs two forward ones.
    """
    passes = 1.0 + 2.0 * work.footprint.backward_share + forward_share(work)
    reach = 0.0
    for width, window in shape_of(work.model).attention:
        if window is None or window >= length:
            reach += width * length
        else:
            reach += width * window * (2.0 - window / length)
    whole = work.plan.attention == "eager" or work.model.kind == "encoder"
    return FORWARD_WORK * reach * passes * (2.0 if whole else 1.0)


def moved_elements(work: Work, length: float) -> float:
    """Activation elements moved per token over all passes; eager attention moves its scores too."""
    shape = shape_of(work.model)
    passes = 1.0 + 2.0 * work.footprint.backward_share + forward_share(work)
    scores = 2.0 * shape.score_rows * length if work.plan.attention == "eager" else 0.0
    return passes * (shape.elements + scores)
