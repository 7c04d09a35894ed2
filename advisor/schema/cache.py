"""Completions and vectors that are kept, and what the cache of them holds."""

from __future__ import annotations

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.evaluation import Completion


class CacheSummary(Value):
    """What the cache holds."""

    path: str
    completions: int
    bytes: int
    models: dict[str, int]
    """Completions by model."""
    oldest: str = ""
    newest: str = ""
    vectors: int = 0
    """Kept vectors of texts that were embedded."""
    vectors_bytes: int = 0
    vectors_path: str = ""
    embedders: dict[str, int] = Field(default_factory=dict)
    """Vectors by embedder and the beginning of its digest."""
    indexes: int = 0
    """Indexes that `advisor docs search` keeps beside the vectors."""
    indexes_bytes: int = 0


class CacheRecord(Value):
    """One kept completion, as an export holds it."""

    key: str
    backend: str
    model: str
    made_at: str
    completion: Completion


class CacheChange(Value):
    """What was done with kept completions."""

    exported: int = 0
    imported: int = 0
    deleted: int = 0
    deleted_vectors: int = 0
    deleted_indexes: int = 0
    file: str = ""
