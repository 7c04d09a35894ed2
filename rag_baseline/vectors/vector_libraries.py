"""The doors to FAISS and numpy for everything that holds vectors."""

from __future__ import annotations

from functools import cache
from typing import Any

from advisor.errors import MissingExtraError

TOGETHER_FROM = 8_000


@cache
def faiss() -> Any:
    """FAISS; raises ImportError where it is not installed."""
    import faiss as library  # noqa: PLC0415 - heavy and optional

    # Above this many numbers queries are compared together as one matrix product; as delivered,
    # 300 queries of MiniLM still go one by one and take ten times as long.
    library.cvar.distance_compute_blas_threshold = TOGETHER_FROM
    return library


def has_faiss() -> bool:
    """Whether FAISS can be imported; without it every search is exact, by numpy."""
    try:
        faiss()
    except ImportError:
        return False
    return True


def numpy() -> Any:
    """Numpy; raises MissingExtraError where it is not installed."""
    try:
        import numpy as np  # noqa: PLC0415 - heavy and optional
    except ImportError as error:
        raise MissingExtraError("FAISS retrieval", "rag") from error
    return np
