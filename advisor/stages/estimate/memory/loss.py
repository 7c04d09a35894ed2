"""What the output head and the loss take at their height, by how the loss is computed."""

from __future__ import annotations

from advisor.stages.estimate.memory.families import habits_of
from advisor.stages.estimate.memory.structure import last_norm
from advisor.stages.estimate.memory.work import NUMBER_BYTES, Work

SINGLE = 4
LAW_NORM_BYTES = 6
"""Per token and hidden unit, beside measured laws: the last norm's input in 32 bits and output."""


def loss_bytes(work: Work) -> float:
    """Logits, loss and their gradients: of all tokens and entries, of one tile, or of none."""
    model, head = work.model, work.plan.loss_head
    norm = _last_norm_bytes(work)
    if head == "chunked":
        return norm + _tile_bytes(work) + _trained_head_bytes(work)
    if head in ("stock", "fused"):
        per_entry = entry_bytes(work) * work.objective.logits_copies
        entries = float(work.tokens) * model.vocabulary_size
        after = work.head_bytes * entries + _trained_table_bytes(work)
        return max(per_entry * entries, after) + norm
    return norm + _linear_loss_bytes(work)


def _linear_loss_bytes(work: Work) -> float:
    """Liger's chunks: logits of as many entries as the hidden states have, and their gradient.

    A trained head's gradient is added up in the head's own precision.
    """
    rows = 2.0 * work.number_bytes * work.tokens * work.model.hidden_size
    return rows + head_gradient_bytes(work) * _own_bytes(work) / SINGLE


def _last_norm_bytes(work: Work) -> float:
    """What the norm after the last layer keeps, and its output."""
    if work.stack.kept_layer is not None:
        return LAW_NORM_BYTES * float(work.tokens) * work.model.hidden_size
    kept, out = last_norm(work)
    return kept.plus(out).bytes(work.tokens, work.length)


def _tile_bytes(work: Work) -> float:
    """The one tile of logits, in the precision of products, and the gradient of its input.

    The tokens with a label are copied; their gradient is added up in 32 bits and lowered.
    """
    stack, width = work.stack, work.model.hidden_size
    tile = min(work.tokens, stack.fused_loss_tokens) * stack.fused_loss_vocabulary
    row = width * (SINGLE + 2 * work.stream_bytes)
    return float(tile * work.number_bytes + work.tokens * row)


def _trained_head_bytes(work: Work) -> float:
    """A trained head's gradient, added up in 32 bits and then lowered to the head's precision."""
    size = head_gradient_bytes(work)
    own = _own_bytes(work)
    return size * (1 + own / SINGLE) if own < SINGLE else size


def _trained_table_bytes(work: Work) -> float:
    """A trained head's gradient in its own precision, beside that of the logits."""
    if not work.trains_head or work.plan.gradient_accumulation_steps == 1:
        return 0.0  # gradients that begin with the head's are counted by the backward pass
    return head_gradient_bytes(work) * _own_bytes(work) / SINGLE


def _own_bytes(work: Work) -> int:
    return NUMBER_BYTES[work.trained_precision]


def entry_bytes(work: Work) -> float:
    """Per token and vocabulary entry, where all logits exist.

    A loss that never lifts the logits holds four of them, or three with a fused kernel, in their
    own precision; under autocast, as packed bases are trained, in 32 bits beside the 16-bit ones
    (8.4, 6.4, 18.7 and 14.7 bytes in fms runs of a GPT-BigCode model).
    """
    stack, is_stock = work.stack, work.plan.loss_head == "stock"
    if work.model.family in stack.plain_loss_families:
        copies = 4 if is_stock else 3
        lifted = work.plan.compute_precision is not None or work.plan.base_bits < 16
        return 4 * copies + work.number_bytes if lifted else copies * work.head_bytes
    figure = stack.full_loss_bytes if is_stock else stack.kernel_loss_bytes
    capped = stack.kept_layer is None and habits_of(work.model.family).caps_scores
    return figure.interval.likely + (_holds_logits(work) + capped) * work.head_bytes


def held_logit_bytes(work: Work) -> float:
    """Logits that stay through the backward pass because the loop's variable holds them."""
    if work.stack.layer_backward is not None or not _holds_logits(work):
        return 0.0  # measured laws of the backward pass include them
    if work.plan.loss_head not in ("stock", "fused"):
        return 0.0
    return float(work.head_bytes * work.tokens * work.model.vocabulary_size)


def _holds_logits(work: Work) -> bool:
    stack = work.stack
    return stack.keeps_logits and work.model.family not in stack.rebinding_families


def head_gradient_bytes(work: Work) -> float:
    """The 32-bit gradient of a trained head that tile-wise losses add up."""
    if not work.trains_head:
        return 0.0
    return float(SINGLE) * work.model.vocabulary_size * work.model.hidden_size
