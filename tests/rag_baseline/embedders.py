"""An embedder that counts letters: quick, repeatable, and good enough to tell topics apart."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from advisor.contracts import PluginInfo

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class LetterEmbedder:
    info = PluginInfo(id="letters", label="letter counts")

    def __init__(self, digest: str = "letters-1") -> None:
        self.digest = digest
        self.calls: list[int] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls.append(len(texts))
        return [self._unit(text.lower()) for text in texts]

    def _unit(self, text: str) -> list[float]:
        counts = [float(text.count(letter)) for letter in LETTERS]
        length = sqrt(sum(count * count for count in counts)) or 1.0
        return [count / length for count in counts]
