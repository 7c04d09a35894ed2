"""Which token comes next: the likeliest, one drawn at a temperature, one that a schema allows."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Protocol

import torch

from advisor.schema.evaluation import Prompt


class Guide(Protocol):
    """Keeps one answer within a grammar."""

    @property
    def error(self) -> str:
        """Why it could not; empty while it can."""

    def allowed(self, width: int) -> torch.Tensor:
        """Which of `width` tokens may come next."""

    def took(self, token: int) -> None:
        """This token was chosen."""


class Chooser:
    """Chooses the tokens of one answer; draws are decided by seed, prompt and draw number."""

    def __init__(self, prompt: Prompt, *, seed: str, guide: Guide | None = None) -> None:
        self.temperature = prompt.temperature
        self.guide = guide
        self._numbers = random.Random(_seed(prompt, seed))  # noqa: S311 - no secret hangs on it

    @property
    def is_plain(self) -> bool:
        """It takes the likeliest token whatever came before."""
        return self.temperature == 0 and self.guide is None

    def choose(self, scores: torch.Tensor) -> int:
        """The next token, for the scores of one row on the CPU."""
        scores = scores.float()
        if self.guide is not None:
            scores = scores.masked_fill(~self.guide.allowed(scores.shape[-1]), float("-inf"))
        token = self._drawn(scores) if self.temperature > 0 else int(scores.argmax())
        if self.guide is not None:
            self.guide.took(token)
        return token

    def _drawn(self, scores: torch.Tensor) -> int:
        """By the inverse of the cumulative distribution, so that one number decides."""
        weights = torch.softmax(scores.double() / self.temperature, dim=-1)
        heap = weights.cumsum(-1)
        point = self._numbers.random() * float(heap[-1])
        found = int(torch.searchsorted(heap, point, right=True))
        return min(found, int(weights.nonzero()[-1]))


def choose(scores: torch.Tensor, choosers: Sequence[Chooser]) -> list[int]:
    """The next token of every row [rows, vocabulary]."""
    if all(chooser.is_plain for chooser in choosers):
        best: list[int] = scores.argmax(-1).tolist()
        return best
    rows = scores.cpu()
    return [chooser.choose(row) for chooser, row in zip(choosers, rows, strict=True)]


def _seed(prompt: Prompt, seed: str) -> int:
    said = [f"{message.role}\0{message.content}" for message in prompt.messages]
    text = "\0\0".join([seed, str(prompt.draw), *said])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
