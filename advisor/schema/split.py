"""How samples were parted: enough to do it again, and to notice a change."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import Value

SplitBy = Literal["auto", "input", "group", "document", "time", "cluster"]
"""What a split keeps together; auto takes groups or documents where the data names them."""


class SplitRecord(Value):
    """What a split kept together and what came of it."""

    asked: SplitBy
    by: SplitBy
    """What auto came to; never auto."""
    seed: int
    counts: dict[str, int]
    """Samples per split."""
    digest: str
    """Over every sample with its split, whatever their order."""
    test_digest: str
    """Over the test samples alone; empty without any."""
    units: int = Field(ge=0)
    """Sets of samples that were not to be parted."""
    largest_unit: int = Field(ge=0)
    """Samples in the largest of them."""
    parted: tuple[str, ...] = ()
    """Groups or documents that the file's own splits part; at most the first 20."""
    parted_count: int = 0
    """How many those are in all."""
    label_drift: float | None = None
    """Largest difference between a label's share in the test part and in all; None where targets
    are free text."""
    notes: tuple[str, ...] = ()


class SplitFile(Value):
    """One written part of a split."""

    name: str
    """File name beside the manifest."""
    rows: int
    digest: str
    """Over the rows' content, whatever their order and spelling as JSON."""


class SplitManifest(Value):
    """What `advisor data split` wrote: a part whose rows change later no longer agrees with it."""

    source: str
    """File name of the data."""
    source_digest: str
    record: SplitRecord
    files: dict[str, SplitFile]
    """By split."""
    notes: tuple[str, ...] = ()
