"""What the layers keep between forward and backward, and what one layer's backward takes.

The sums leave out what a method's own terms hold: the inputs that adapters keep. Where every weight
is trained, the inputs of all linear layers belong here.
"""

from __future__ import annotations

from advisor.schema.architecture import LayerGroup
from advisor.schema.base import Provenance
from advisor.schema.catalog import LayerLaw
from advisor.stages.estimate.laws import law_bytes
from advisor.stages.estimate.work import Work

_TRANSFORMERS = LayerLaw(
    hidden=15,
    query=3,
    key_value=1,
    feed_forward=3,
    plain_feed_forward=2,
    provenance=Provenance(kind="table", source="fitcheck"),
)


def kept_bytes(work: Work) -> float:
    """All saved activations between forward and backward, over all layers.

    With checkpointing the input of every layer, else everything that every layer saves.
    """
    if work.plan.gradient_checkpointing:
        model = work.model
        return float(model.layers * work.tokens * model.hidden_size * work.stream_bytes)
    groups = work.model.layer_groups
    return sum(group.count * saved_bytes_of_layer(work, group) for group in groups)


def saved_bytes_of_layer(work: Work, group: LayerGroup) -> float:
    """What one layer saves for its backward pass where nothing is recomputed."""
    law = work.stack.kept_layer or _TRANSFORMERS
    return law_bytes(work, group, law)


def layer_backward_bytes(work: Work) -> float:
    """Live on top of what is kept while one layer is recomputed and gone through."""
    law = work.stack.layer_backward or _TRANSFORMERS
    groups = work.model.layer_groups
    if not work.plan.gradient_checkpointing:
        return 0.0
    return max(law_bytes(work, group, law) + score_bytes(work) for group in groups)


def score_bytes(work: Work) -> float:
    """Eager attention's matrices at the height of their backward: tokens x heads x length x bytes.

    In 32 bits the softmax and two gradients, beside them the probabilities; 14 and 16 bytes per
    entry in 16 fitcheck runs.
    """
    if work.plan.attention != "eager":
        return 0.0
    entries = float(work.tokens) * work.model.attention_heads * work.length
    return entries * (12 + work.stream_bytes)
