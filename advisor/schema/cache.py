"""Completions that are kept, and what the cache of them holds."""

from __future__ import annotations

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
    file: str = ""
