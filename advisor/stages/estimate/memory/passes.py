"""Forward passes without gradients: evaluation between steps, and generation with its cache."""

from __future__ import annotations

from advisor.schema.architecture import LayerGroup
from advisor.stages.estimate.memory.work import Work

STREAMS = 3
"""Hidden-sized tensors alive in a layer's forward pass: residual, normed input, output."""
GATED, PLAIN = 3, 2
"""Feed-forward-sized ones: gate, up and product, or before and after the activation."""
LIFTED_BYTES = 8
"""Logits in 32 bits and their log-softmax."""


def forward_bytes(work: Work, tokens: float) -> float:
    """What one layer needs at the height of a pass that keeps nothing."""
    return max(_forward(work, group, tokens) for group in work.model.layer_groups)


def _forward(work: Work, group: LayerGroup, tokens: float) -> float:
    model = work.model
    attention = (model.attention_heads + 2 * model.key_value_heads) * model.head_dim
    wide = (GATED if group.gated else PLAIN) * group.intermediate_size
    return tokens * work.number_bytes * (STREAMS * model.hidden_size + max(wide, attention))


def evaluation_bytes(work: Work) -> float:
    """One layer's pass or the logits of an evaluation batch, whichever is more."""
    plan, stack = work.plan, work.stack
    tokens = float(plan.evaluation_batch_size or 0) * work.length
    vocabulary = work.model.vocabulary_size
    if plan.loss_head in ("stock", "fused"):
        logits = (work.head_bytes + LIFTED_BYTES) * tokens * vocabulary
    else:
        tile = min(tokens, stack.fused_loss_tokens) * min(vocabulary, stack.fused_loss_vocabulary)
        logits = stack.fused_loss_bytes.interval.likely * tile
    return max(logits, forward_bytes(work, tokens))


def generates(work: Work) -> bool:
    """Whether anything is generated between steps."""
    if work.plan.generated_tokens:
        return True
    extra = (*work.footprint.extra_terms, *work.objective.extra_terms)
    return any("generation" in term.phases for term in extra)


def generating_sequences(work: Work) -> int:
    """Sequences that are generated side by side."""
    return work.plan.evaluation_batch_size or work.plan.micro_batch_size


def cached_length(work: Work) -> int:
    """Tokens of one sequence in the cache: the prompt and what was generated."""
    return work.length + work.plan.generated_tokens


def generation_bytes(work: Work) -> float:
    """Keys and values of all layers, one layer's pass over the prompts, logits of the last token.

    Layers that look back over a window keep no more of the sequence than that.
    """
    if not work.plan.generated_tokens:
        return 0.0
    model, sequences = work.model, generating_sequences(work)
    length = cached_length(work)
    width = 2 * model.key_value_heads * model.head_dim * work.number_bytes
    kept = sum(group.count * min(group.window or length, length) for group in model.layer_groups)
    last = sequences * model.vocabulary_size * (work.head_bytes + 4)
    return sequences * (width * kept) + forward_bytes(work, sequences * work.length) + last
