"""Whether the texts of a packed row keep to themselves in this very model."""

from __future__ import annotations

from typing import Any

import torch

from advisor.errors import PlanError
from trainers.engines.trl._generate import undisturbed
from trainers.engines.trl._pack import LENGTHS

LONGEST = 64
"""Tokens that are looked at of each of two texts."""
EDGE = 8
"""Tokens behind the border: what crosses it reaches these first and most."""
IN_32_BITS, IN_16_BITS = 1e-4, 3e-2
"""Differences, against the logits' spread, that come of sums in another order."""
MOST = 0.5
"""Share of these tokens above which it is no expert here and there that was chosen otherwise."""


def check_apart(trainer: Any, name: str) -> None:
    """Raise PlanError where what follows a text in a packed row depends on that text.

    Attention keeps texts apart by their position numbers in some architectures; others take no
    notice of these, or carry a state on. Two forward passes tell, with the first text exchanged.
    """
    row = _two_texts(trainer.train_dataset)
    if row is None:
        return
    first = row[LENGTHS][0]
    ids = row["input_ids"]
    other = row | {"input_ids": [ids[first // 2]] * first + ids[first:]}
    try:
        here, there = (_logits(trainer, one)[first : first + EDGE] for one in (row, other))
    except (TypeError, ValueError) as error:
        raise PlanError(
            f"'{name}' cannot be given packed rows: {error}",
            hint="Leave packing out (--no-packing).",
        ) from error
    moved = (here - there).abs().amax(dim=-1) / here.std().clamp(min=1e-9)
    seen = float((moved > _tolerance(trainer)).float().mean())
    if seen > MOST:
        raise PlanError(
            f"The texts of a packed row see each other in '{name}': exchanging one changes what is"
            " predicted in the next, and training would learn from what is not there later.",
            hint="Leave packing out (--no-packing); length_grouping spares filling, too.",
        )


def _two_texts(rows: Any) -> dict[str, Any] | None:
    """The first two texts of the row whose second one is longest, each cut; None without any."""
    several = [at for at, lengths in enumerate(rows[LENGTHS]) if len(lengths) > 1]
    if not several:
        return None
    row = rows[max(several, key=lambda at: rows[at][LENGTHS][1])]
    first, second = row[LENGTHS][:2]
    begin, end = max(0, first - LONGEST), first + min(second, LONGEST)
    cut = {name: row[name][begin:end] for name in ("input_ids", "labels")}
    return cut | {LENGTHS: [first - begin, end - first]}


def _logits(trainer: Any, row: dict[str, Any]) -> torch.Tensor:
    """What the model predicts, in 32 bits, from a batch as training makes it."""
    batch = trainer._prepare_inputs(trainer.data_collator([row]))  # noqa: SLF001 - as a step does
    batch.pop("labels")
    with undisturbed(trainer.model), trainer.accelerator.autocast():
        logits: torch.Tensor = trainer.model(**batch, use_cache=False).logits[0].float()
    return logits


def _tolerance(trainer: Any) -> float:
    """By the coarsest numbers in the pass."""
    model, args = trainer.model, trainer.args
    whole = all(p.dtype == torch.float32 for p in model.parameters())
    return IN_32_BITS if whole and not (args.bf16 or args.fp16) else IN_16_BITS
