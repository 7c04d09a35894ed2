"""What an objective makes of a job: token rows, and the library's trainer that takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Course:
    """All that the engine needs of an objective; plan, model and method are the engine's part."""

    trainer: type
    """Class of the library's trainer."""
    settings: type
    """Class of its settings."""
    dataset: Any
    """Rows as this trainer takes them, templates applied."""
    lengths: tuple[int, ...]
    """Tokens of each row, in order: of a pair those of both texts."""
    trained_tokens: int
    """Tokens of all rows that count in the loss."""
    widths: tuple[int, ...] = ()
    """Tokens of each row's longest text, to which a batch is padded; empty where a row is one."""
    repeats: int = 1
    """Texts that a row becomes: completions drawn of a prompt."""
    steps_per_draw: int = 1
    """Optimizer steps that what is drawn at once serves."""
    head: Literal["language", "score"] = "language"
    """What stands on the model: its vocabulary, or one number (reward)."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `settings` beyond those that every objective takes from the plan."""
    keywords: Mapping[str, Any] = field(default_factory=dict)
    """What the trainer is handed beside model, settings, rows, tokenizer and callbacks."""
    dev_loss: Callable[[Any], float | None] = lambda _trainer: None
    """Mean loss on the dev rows by the trainer's model; draws no random number."""
    longest_look: Callable[[Any], float | None] = lambda _trainer: None
    """The same of the longest dev row alone, which takes as much memory as any."""
    left_out: int = 0
    """Samples that made no row: too long, or nothing to learn from."""
    notes: tuple[str, ...] = ()

    @property
    def padded(self) -> tuple[int, ...]:
        """What each row makes of its batch, in tokens."""
        return self.widths or self.lengths

    @property
    def texts(self) -> int:
        """Of one epoch, as micro-batches count them."""
        return len(self.lengths) * self.repeats
