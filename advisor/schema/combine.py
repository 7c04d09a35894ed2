"""Several tuned models made into one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.evaluation import Comparison
from advisor.schema.export import Agreement
from advisor.schema.train import Served
from advisor.schema.verify import Verification

How = Literal["linear", "svd", "cat", "ties", "dare", "dare_ties", "magnitude_prune", "slerp"]


class CombineJob(Value):
    """Tuned models of one base, and how their changes are added up."""

    models: tuple[str, ...] = Field(min_length=2)
    """Folders: adapters of one base, or whole models of one architecture."""
    weights: tuple[float, ...]
    """As many as there are models."""
    how: How
    density: float | None = Field(default=None, gt=0, le=1)
    """Share of each change that is kept, where the way prunes."""
    rank: int | None = Field(default=None, gt=0)
    """Of the combined adapter, where the way may choose it."""
    base: str = ""
    """Of whole models, where the way needs the base they were tuned from."""
    seed: int = 0
    output_dir: str


class Combined(Value):
    """What a combiner wrote."""

    combiner: str
    how: str
    """As it was done: `ties_svd` where ranks differ."""
    output_dir: str
    served_by: Served
    rank: int | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()


class CombineRecord(Value):
    """A combined model and what it is worth on each of its parts' tasks (`combine.json`)."""

    combined: Combined
    models: tuple[str, ...]
    weights: tuple[float, ...]
    verifications: dict[str, Verification] = Field(default_factory=dict)
    """Run folder of each part that has one -> verification on its task."""
    against_parts: dict[str, Comparison] = Field(default_factory=dict)
    """Run folder -> its own tuned model (a) against the combined one (b), where it was verified."""
    agreement: Agreement | None = None
    verdict: Literal["keep", "discard", "inconclusive", "unverified"]
    """`keep` where every task's verification says so; `unverified` without any run."""
    warnings: tuple[str, ...] = ()
    weights_digest: str = ""
    """Of what was verified: weights, tokenizer and settings, those of the base included."""
