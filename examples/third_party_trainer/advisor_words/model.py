"""A softmax over the words of a text: which answer do its words speak for?"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

WORD = re.compile(r"\w+")


def words(text: str) -> frozenset[str]:
    """The distinct words of a text, lower case."""
    return frozenset(WORD.findall(text.casefold()))


@dataclass
class WordModel:
    """Weights of (word, answer), and what is said of an answer before any word is seen."""

    answers: list[str]
    weights: dict[str, list[float]] = field(default_factory=dict)
    leaning: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, targets: Iterable[str]) -> WordModel:
        """An untrained model that leans to frequent answers."""
        counts = Counter(targets)
        total = counts.total()
        answers = sorted(counts)
        return cls(answers, {}, [math.log(counts[answer] / total) for answer in answers])

    def probabilities(self, seen: frozenset[str]) -> list[float]:
        """How likely each answer is for a text of these words; they add up to 1."""
        scores = list(self.leaning)
        for word in sorted(seen & self.weights.keys()):
            scores = [a + b for a, b in zip(scores, self.weights[word], strict=True)]
        top = max(scores)
        shares = [math.exp(score - top) for score in scores]
        total = sum(shares)
        return [share / total for share in shares]

    def answer(self, text: str) -> str:
        """The likeliest answer; the first of equals."""
        chances = self.probabilities(words(text))
        return self.answers[chances.index(max(chances))]

    def step(self, batch: Sequence[tuple[frozenset[str], int]], rate: float) -> float:
        """One step of gradient descent on (words, place of the answer); the mean loss before it."""
        loss = 0.0
        changes: list[tuple[frozenset[str], list[float]]] = []
        for seen, place in batch:
            chances = self.probabilities(seen)
            loss -= math.log(max(chances[place], 1e-12))
            errors = [chance - (i == place) for i, chance in enumerate(chances)]
            changes.append((seen, [rate * error / len(batch) for error in errors]))
        for seen, change in changes:
            self.leaning = _less(self.leaning, change)
            for word in sorted(seen):
                row = self.weights.get(word) or [0.0] * len(self.answers)
                self.weights[word] = _less(row, change)
        return loss / len(batch)


def _less(row: list[float], change: list[float]) -> list[float]:
    return [a - b for a, b in zip(row, change, strict=True)]
