"""Activations of one layer by the measured law of a stack with kernels of its own."""

from __future__ import annotations

from advisor.schema.architecture import LayerGroup
from advisor.schema.catalog import LayerLaw
from advisor.stages.estimate.work import Work

SAVED_SHARE = 0.5
"""How much of a feed-forward's share is saved tensors; the rest are gradients at its turn."""


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
    if work.trains_all and law is work.stack.kept_layer:
        elements += 2 * model.hidden_size + group.intermediate_size
    return work.tokens * work.stream_bytes * elements
