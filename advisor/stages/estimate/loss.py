"""What the output head and the loss take at their height, by how the loss is computed."""

from __future__ import annotations

from advisor.stages.estimate.work import Work

FINAL_NORM_BYTES = 6
"""Per token and hidden unit: the last norm's input in 32 bits and its output (fitcheck, fms)."""


def loss_bytes(work: Work) -> float:
    """Logits, loss and their gradients: of all tokens and entries, of one tile, or of none."""
    model, stack, head = work.model, work.stack, work.plan.loss_head
    norm = FINAL_NORM_BYTES * float(work.tokens) * model.hidden_size
    if head in ("stock", "fused"):
        per_entry = entry_bytes(work) * work.objective.logits_copies
        return per_entry * work.tokens * model.vocabulary_size + norm
    if head == "fused_linear":
        return norm + head_gradient_bytes(work)
    tile = min(work.tokens, stack.fused_loss_tokens) * min(
        model.vocabulary_size, stack.fused_loss_vocabulary
    )
    return stack.fused_loss_bytes.interval.likely * tile + norm + head_gradient_bytes(work)


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
    is_kept = stack.keeps_logits and work.model.family not in stack.rebinding_families
    return figure.interval.likely + (work.head_bytes if is_kept else 0)


def head_gradient_bytes(work: Work) -> float:
    """The 32-bit gradient of a trained head that tile-wise losses add up."""
    if not work.trains_head:
        return 0.0
    return 4.0 * work.model.vocabulary_size * work.model.hidden_size
