"""What the layers keep between forward and backward, and what one layer's backward takes."""

from __future__ import annotations

from advisor.stages.estimate.work import Work


def saved_bytes_of_layer(work: Work) -> float:
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


def kept_bytes(work: Work) -> float:
    """All saved activations between forward and backward, over all layers.

    With checkpointing the input of every layer, else everything that every layer saves.
    """
    model = work.model
    if work.plan.gradient_checkpointing:
        return float(model.layers * work.tokens * model.hidden_size * work.number_bytes)
    return model.layers * saved_bytes_of_layer(work)


def layer_backward_bytes(work: Work) -> float:
    """Live on top of what is kept while one layer is recomputed and gone through."""
    return saved_bytes_of_layer(work)
