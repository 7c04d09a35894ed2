"""What the layers keep between forward and backward, and what one layer's backward takes.

Where a stack has no measured law of its own, a layer is gone through operation by operation as
transformers writes it (`anatomy`). The sums leave out what a method's own terms hold: the inputs
that adapters keep. Where every weight is trained, the inputs of all linear layers belong here.
"""

from __future__ import annotations

from advisor.schema.architecture import LayerGroup
from advisor.stages.estimate.memory.laws import law_bytes
from advisor.stages.estimate.memory.structure import structure
from advisor.stages.estimate.memory.work import Work


def kept_bytes(work: Work) -> float:
    """All saved activations between forward and backward, over all layers.

    With checkpointing the input of every layer, else everything that every layer saves.
    """
    model = work.model
    if work.plan.gradient_checkpointing:
        return float(model.layers * work.tokens * model.hidden_size * work.stream_bytes)
    groups = work.model.layer_groups
    total = sum(group.count * saved_bytes_of_layer(work, group) for group in groups)
    if work.stack.kept_layer is None and groups:
        law = structure(work, groups[0])
        total -= law.kept.minus(law.kept_first).bytes(work.tokens, work.length)
    return total


def saved_bytes_of_layer(work: Work, group: LayerGroup) -> float:
    """What one layer saves for its backward pass where nothing is recomputed."""
    law = work.stack.kept_layer
    if law is not None:
        return law_bytes(work, group, law)
    return structure(work, group).kept.bytes(work.tokens, work.length)


def layer_backward_bytes(work: Work) -> float:
    """Live on top of what is kept while one layer is gone through, recomputed first if need be.

    Gradients of the layer's own weights count as they come.
    """
    groups, law = work.model.layer_groups, work.stack.layer_backward
    if law is not None:
        if not work.plan.gradient_checkpointing:
            return 0.0
        return max(law_bytes(work, group, law) + score_bytes(work) for group in groups)
    return max(_height(work, group) for group in groups)


def last_layer_bytes(work: Work) -> float:
    """The same at the end of the backward pass, on top of all gradients.

    The first layer's own gradients and the embedding's do not exist when its backward begins,
    unless they are added to those of earlier micro-batches. The embedding's comes last; beside a
    tied head's it exists, and then their sum.
    """
    model, group = work.model, work.model.layer_groups[0]
    size = work.footprint.gradient_bytes / max(work.footprint.trainable_parameters, 1)
    table = float(size * model.vocabulary_size * model.hidden_size)
    stream = float(work.tokens * model.hidden_size * work.stream_bytes)
    tables = 2 if model.tied_embeddings else 0
    if work.plan.gradient_accumulation_steps > 1:
        return max(_height(work, group), (tables + 1) * table + stream)
    entry = structure(work, group).kept.bytes(work.tokens, work.length)
    if work.plan.gradient_checkpointing:
        entry = stream
    missing = size * sum(linear.parameters for linear in group.linears)
    if not model.tied_embeddings:
        missing += table
    return max(_height(work, group) + entry - missing, tables * table + stream)


def follows_gradients(work: Work) -> bool:
    """Whether the gradients of a layer's weights are followed one by one."""
    return (
        work.stack.layer_backward is None
        and work.trains_all
        and work.plan.gpus == 1
        and work.footprint.gathered_gradients
    )


def _height(work: Work, group: LayerGroup) -> float:
    """The height of a layer's backward without what is counted as kept already."""
    adds_up = work.plan.gradient_accumulation_steps > 1 or not follows_gradients(work)
    law = structure(work, group, accumulates=adds_up)
    height = law.height(work.tokens, work.length)
    if work.plan.gradient_checkpointing:
        return height - law.entry.bytes(work.tokens, work.length)
    return height - law.kept.bytes(work.tokens, work.length)


def score_bytes(work: Work) -> float:
    """Eager attention's matrices at the height of their backward: tokens x heads x length x bytes.

    In 32 bits the softmax and two gradients, beside them the probabilities; 14 and 16 bytes per
    entry in 16 fitcheck runs.
    """
    if work.plan.attention != "eager":
        return 0.0
    entries = float(work.tokens) * work.model.attention_heads * work.length
    return entries * (12 + work.stream_bytes)
