"""What the output head and the loss take at their height."""

from __future__ import annotations

from advisor.stages.estimate.work import Work


def loss_bytes(work: Work) -> float:
    """Logits and their gradients, of all tokens and entries or of one tile of them.

    Full: bytes x tokens x vocabulary. Fused: bytes x min(tokens, tile) x min(vocabulary, tile),
    and a 32-bit gradient of the head where the head is trained.
    """
    model, stack = work.model, work.stack
    if work.plan.loss_head == "stock":
        return stack.full_loss_bytes.interval.likely * work.tokens * model.vocabulary_size
    tile = min(work.tokens, stack.fused_loss_tokens) * min(
        model.vocabulary_size, stack.fused_loss_vocabulary
    )
    head = 4.0 * model.vocabulary_size * model.hidden_size if work.trains_head else 0.0
    return stack.fused_loss_bytes.interval.likely * tile + head
