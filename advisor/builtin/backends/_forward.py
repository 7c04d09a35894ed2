"""A transformers model, called for the scores of the last position only."""

from __future__ import annotations

import inspect
from typing import Any

import torch

NEEDED = frozenset({"input_ids", "position_ids", "past_key_values", "attention_mask"})


class Forward:
    """One forward pass over new tokens; `device` is where the model is."""

    def __init__(self, model: Any, device: str) -> None:
        self.device = device
        self._model = model
        base = model.get_base_model() if hasattr(model, "peft_config") else model
        takes = set(inspect.signature(base.forward).parameters)
        self._more = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        self.takes_cache = takes >= NEEDED
        """Whether it can go on behind a cache at positions that are told."""

    def __call__(
        self, ids: torch.Tensor, places: torch.Tensor, cache: Any, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Scores [rows, vocabulary] behind the last of the ids; the cache grows by them."""
        out = self._model(
            input_ids=ids,
            position_ids=places,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
            **self._more,
        )
        scores: torch.Tensor = out.logits[:, -1]
        return scores

    def alone(self, row: list[int]) -> torch.Tensor:
        """Scores [vocabulary] behind a row, without any cache."""
        out = self._model(input_ids=self.tensor([row]), use_cache=False, **self._more)
        scores: torch.Tensor = out.logits[0, -1]
        return scores

    def tensor(self, numbers: list[Any]) -> torch.Tensor:
        """Numbers on the model's device."""
        return torch.tensor(numbers, device=self.device)
