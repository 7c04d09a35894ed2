"""Activations of one layer by the measured law of a stack with kernels of its own."""

from __future__ import annotations

from advisor.schema.architecture import LayerGroup
from advisor.schema.catalog import LayerLaw
from advisor.stages.estimate.memory.families import habits_of
from advisor.stages.estimate.memory.work import Work

SAVED_SHARE = 0.5
"""How much of a feed-forward's share is saved tensors; the rest are gradients at its turn."""


POST_NORMS = 2
NORM_ELEMENTS = 4
"""What a further norm saves per hidden unit: its input in 32 bits, and twice the output."""
SCORE_BYTES = 10
"""Saved per attention score without a kernel: a 32-bit softmax, and scores, capped scores and
probabilities in 16 bits."""


def law_bytes(work: Work, group: LayerGroup, law: LayerLaw) -> float:
    """Tokens x bytes x (a hidden + b query + c key/value + d feed-forward), as measured.

    Experts are gone through one after the other: all save, one at a time has gradients. Laws are
    measured beside frozen weights; trained ones save what both norms and the activation put out.
    """
    model = work.model
    forward = law.feed_forward if group.gated else law.plain_feed_forward
    if group.experts > 1:
        forward *= SAVED_SHARE + (1 - SAVED_SHARE) / group.experts
    elements = (
        law.hidden * model.hidden_size
        + law.query * model.attention_heads * model.head_dim
        + law.key_value * model.key_value_heads * model.head_dim
        + forward * group.intermediate_size
    )
    if work.plan.base_bits < 16 and law.quantised_outputs:
        elements += law.quantised_outputs * sum(
            linear.outputs * linear.active_copies for linear in group.linears
        )
    habits = habits_of(model.family)
    if habits.post_norms:
        elements += POST_NORMS * NORM_ELEMENTS * model.hidden_size
    scores = 0.0
    if law is work.stack.kept_layer:
        if work.trains_all:
            elements += 2 * model.hidden_size + group.intermediate_size
        if habits.always_eager or work.plan.attention == "eager":
            scores = float(work.tokens) * model.attention_heads * work.length * SCORE_BYTES
    return work.tokens * work.stream_bytes * elements + scores
