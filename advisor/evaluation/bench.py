"""Where systems are measured: one model, one metric, one set of conditions for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from advisor.contracts import Metric, Progress, Session
from advisor.schema.base import Value
from advisor.schema.evaluation import Split

LEVEL = 0.9
MAX_FAILED_SHARE = 0.2


class EvaluationSettings(Value):
    """The conditions of an evaluation; every one of them goes into its manifest."""

    dataset_digest: str
    backend: str
    model: str
    split: Split = "test"
    seed: int = 0
    max_new_tokens: int = Field(default=64, gt=0)
    batch_size: int = Field(default=16, gt=0)
    is_free: bool = True
    """The model runs on this machine, so tokens cost nothing; else the price is unknown here."""
    notes: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Further conditions that must be equal for two evaluations to be comparable."""


@dataclass(frozen=True)
class Bench:
    """One model under one metric; evaluations are journalled in `journals`, one file a system."""

    session: Session
    metric: Metric
    settings: EvaluationSettings
    journals: Path
    progress: Progress

    def journal(self, name: str) -> Path:
        """The journal of one system."""
        return self.journals / f"{name}.jsonl"
