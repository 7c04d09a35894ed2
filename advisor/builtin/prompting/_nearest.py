"""Nearest texts by their vectors; the back room with numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from advisor.contracts import Arraying, Embedder


def vectors(embedder: Embedder, texts: Sequence[str]) -> Any:
    """One row of length 1 per text, float32."""
    if isinstance(embedder, Arraying):
        return np.asarray(embedder.array(texts), dtype=np.float32)
    return np.asarray(embedder.embed(texts), dtype=np.float32)


def nearest(rows: Any, vector: Any) -> list[int]:
    """Places of the rows, the most similar first; ties in their order."""
    return [int(at) for at in np.argsort(-_rounded(rows @ vector), kind="stable")]


def diverse(rows: Any, vector: Any, places: Sequence[int], weight: float) -> list[int]:
    """The places in the order of maximal marginal relevance (Carbonell and Goldstein, 1998).

    `weight` is that of being unlike what was taken before; 0 leaves the order by similarity.
    """
    left = list(places)
    likeness = _rounded(rows[left] @ vector)
    among = rows[left] @ rows[left].T
    worst: Any = np.zeros(len(left), dtype=np.float32)
    is_open: Any = np.ones(len(left), dtype=bool)
    order: list[int] = []
    for _ in left:
        value = _rounded((1 - weight) * likeness - weight * worst)
        pick = int(np.argmax(np.where(is_open, value, -np.inf)))
        is_open[pick] = False
        worst = among[pick] if not order else np.maximum(worst, among[pick])
        order.append(left[pick])
    return order


def _rounded(values: Any) -> Any:
    """Equal where only the order of a sum differs, so that ties are ties on every machine."""
    return np.round(values, 5)
