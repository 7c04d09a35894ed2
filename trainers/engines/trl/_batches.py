"""What a collated batch holds: its texts with what is learnt of each, and faults that must not be.

Any of the library's batches can be read: plain rows, packed ones, pairs, single rated answers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch

from advisor.errors import DatasetError, TrainingError
from trainers.engines.trl._rows import IGNORED

MISMATCHED = ("prompt_", "KL_")
"""Parts of a batch that are no training text: prompts alone, and pairs that do not belong."""


class Document(NamedTuple):
    """One text as the model reads it."""

    ids: list[int]
    trained: list[bool]
    """Which of its tokens count in the loss."""


class Strip(NamedTuple):
    """Texts of one kind in a batch, as tensors of one shape."""

    ids: torch.Tensor
    real: torch.Tensor
    """False where a token only fills up."""
    trained: torch.Tensor
    labels: torch.Tensor | None
    starts: torch.Tensor | None
    """True where a packed text begins."""


def strips(batch: Mapping[str, Any]) -> list[Strip]:
    """The texts of a batch by kind: one for plain rows, chosen and rejected for pairs."""
    found = []
    for name, ids in batch.items():
        prefix = name.removesuffix("input_ids")
        if prefix == name or prefix in MISMATCHED or not isinstance(ids, torch.Tensor):
            continue
        mask, labels = batch.get(f"{prefix}attention_mask"), batch.get(f"{prefix}labels")
        completion, positions = batch.get(f"{prefix}completion_mask"), batch.get("position_ids")
        real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
        trained = real
        if labels is not None:
            trained = labels != IGNORED
        elif completion is not None:
            trained = completion.bool()
        packed = mask is None and positions is not None
        found.append(Strip(ids, real, trained, labels, positions == 0 if packed else None))
    return found


def documents(batch: Mapping[str, Any]) -> Iterator[Document]:
    """Every text of a batch without padding; packed ones apart."""
    for strip in strips(batch):
        for row in range(strip.ids.shape[0]):
            kept = strip.real[row]
            ids, trained = strip.ids[row][kept].tolist(), strip.trained[row][kept].tolist()
            if strip.starts is None:
                yield Document(ids, trained)
                continue
            bounds = [*strip.starts[row].nonzero().flatten().tolist(), len(ids)]
            for begin, end in itertools.pairwise(bounds):
                if end - begin > 1:  # a lone token fills up
                    yield Document(ids[begin:end], trained[begin:end])


def check_batch(batch: Mapping[str, Any], vocabulary: int) -> None:
    """Raise for what no batch may hold, however rarely.

    DatasetError for numbers that are not finite or token ids without an embedding; TrainingError
    for labels beside their tokens and for padding that is learnt.
    """
    for name, values in batch.items():
        is_float = isinstance(values, torch.Tensor) and values.is_floating_point()
        if is_float and not bool(values.isfinite().all()):
            raise DatasetError(
                f"The batch's '{name}' holds a value that is no finite number.",
                hint="Take the rows with NaN or infinity out of the data.",
            )
    for strip in strips(batch):
        highest = int(strip.ids[strip.real].max()) if bool(strip.real.any()) else 0
        if highest >= vocabulary or int(strip.ids.min()) < 0:
            raise DatasetError(
                f"The tokenizer gives the token {highest}, and the model has embeddings for"
                f" {vocabulary} only.",
                hint="Tokenizer and weights do not belong together, or tokens were added without"
                " enlarging the model; take the model's own tokenizer.",
            )
        if bool((strip.trained & ~strip.real).any()):
            raise TrainingError(
                "Padding would be learnt: tokens that only fill a batch up count in the loss.",
                hint="Report this as a bug of the collator.",
            )
        if strip.labels is not None:
            astray = strip.trained & (strip.labels != strip.ids)
            if bool(astray.any()):
                raise TrainingError(
                    f"The labels do not belong to their tokens: {int(astray.sum())} of"
                    f" {int(strip.trained.sum())} differ.",
                    hint="Labels stand under their own tokens and are shifted in the loss; report"
                    " this as a bug of the rows.",
                )
