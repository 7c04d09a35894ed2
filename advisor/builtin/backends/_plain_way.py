"""Answers a batch by the library's own `generate`: for models whose cache is not made of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from advisor.builtin.backends._choosing import Chooser
from advisor.builtin.backends._own_loop import Batch


class PlainWay:
    """Rows padded on the left and masked; nothing is shared between them."""

    def __init__(self, model: Any, device: str, ends: Sequence[int], pad: int) -> None:
        self._model = model
        self._device = device
        self._ends = list(ends)
        self._pad = pad

    def share(self, rows: Sequence[Sequence[int]]) -> int:  # noqa: ARG002 - the other way uses it
        """Nothing is shared."""
        return 0

    def answer(self, batch: Batch) -> list[list[int]]:
        """New tokens of every row, the end token included."""
        width = len(batch.rows[0])
        ids = [[self._pad] * (width - len(row)) + list(row) for row in batch.rows]
        mask = [[0] * (width - len(row)) + [1] * len(row) for row in batch.rows]
        settings = GenerationConfig(
            do_sample=False,
            num_beams=1,
            max_new_tokens=max(batch.limits),
            eos_token_id=self._ends or None,
            pad_token_id=self._pad,
        )
        with torch.inference_mode():
            out = self._model.generate(
                input_ids=torch.tensor(ids, device=self._device),
                attention_mask=torch.tensor(mask, device=self._device),
                generation_config=settings,
                logits_processor=self._processors(batch),
            )
        new = out[:, width:].tolist()
        return [self._cut(row, limit) for row, limit in zip(new, batch.limits, strict=True)]

    def _processors(self, batch: Batch) -> LogitsProcessorList:
        if all(chooser.is_plain for chooser in batch.choosers):
            return LogitsProcessorList()
        return LogitsProcessorList([_Chosen(batch.choosers, self._ends, self._pad)])

    def _cut(self, tokens: list[int], limit: int) -> list[int]:
        end = next((at for at, token in enumerate(tokens) if token in self._ends), len(tokens))
        return tokens[: min(end + 1, limit)]


class _Chosen(LogitsProcessor):  # type: ignore[misc]
    """Leaves the library the one token that each row's chooser takes."""

    def __init__(self, choosers: Sequence[Chooser], ends: Sequence[int], pad: int) -> None:
        self._choosers = choosers
        self._ends = ends
        self._pad = pad
        self._over = [False] * len(choosers)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Scores of 0 for the chosen tokens and minus infinity for all others."""
        only = torch.full_like(scores, float("-inf"))
        for at, chooser in enumerate(self._choosers):
            token = self._pad if self._over[at] else chooser.choose(scores[at].cpu())
            self._over[at] = self._over[at] or token in self._ends
            only[at, token] = 0
        return only
