"""Looks at dev rows by a trainer's own loss: preferences and rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from trainers.engines.trl.objectives._losses import looking


def own_loss(trainer: Any) -> float | None:
    """Mean of the trainer's own loss over its `dev_rows`; None without any.

    Leaves the share of pairs that are ranked rightly, and the mean margin, in
    `trainer.dev_figures`. In several processes each must call it.
    """
    rows: Dataset | None = trainer.dev_rows
    if rows is None or not len(rows):
        return None
    size = max(2, trainer.args.per_device_train_batch_size)
    total = 0.0
    with looking(trainer) as model:
        for start in range(0, len(rows), size):
            part = [rows[i] for i in range(start, min(start + size, len(rows)))]
            inputs = trainer._prepare_inputs(trainer.data_collator(part))  # noqa: SLF001
            total += float(trainer.dev_batch_loss(model, inputs)) * len(part)
    trainer.dev_figures = trainer.take_figures()
    return total / len(rows)


class Looked:
    """What own_loss asks of a trainer; put before a trainer class of the library."""

    dev_rows: Dataset | None = None
    dev_figures: Mapping[str, float] = {}
    """Of the last look: accuracy and margin."""

    def __init__(self, *, dev_rows: Dataset | None = None, **named: Any) -> None:
        super().__init__(**named)
        if dev_rows is not None and len(dev_rows):
            self.dev_rows = self.prepared(dev_rows)

    def prepared(self, rows: Dataset) -> Dataset:
        """Dev rows with all that a batch of training rows has."""
        return rows

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        """Rows are tokens already."""
        return dataset

    def dev_batch_loss(self, model: Any, inputs: Any) -> Any:
        """The library's loss of a batch."""
        return self.compute_loss(model, inputs)  # type: ignore[attr-defined]

    def take_figures(self) -> dict[str, float]:
        """What the library noted while looking, taken out of its own books."""
        noted = self._metrics["eval"]  # type: ignore[attr-defined]
        names = {
            "accuracy": ("rewards/accuracies", "accuracy"),
            "margin": ("rewards/margins", "margin"),
        }
        found = {
            ours: sum(noted[theirs]) / len(noted[theirs])
            for ours, several in names.items()
            for theirs in several
            if noted.get(theirs)
        }
        noted.clear()
        return found
