"""Which kind of index serves how many passages, and what a user may ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from rag_baseline.options import number_from, one_of, read_options

Kind = Literal["exact", "hnsw", "ivf", "ivfpq"]
Asked = Literal["auto", "exact", "hnsw", "ivf", "ivfpq"]

RECALL = 0.98
EXACT_UP_TO = 40_000
"""Passages that are all compared: 6 to 14 ms on one core at 384 dimensions, by its load."""
WHOLE_UP_TO = 300_000
"""Passages whose vectors stay whole; beyond, product quantisation keeps memory small."""
FEWEST = 1024
"""Passages below which no approximate index is built, whatever was asked for."""


@dataclass(frozen=True)
class IndexOptions:
    """What the user wants of an index."""

    kind: Asked = "auto"
    recall: float = RECALL
    """Share of the ten nearest that an approximate search must find."""

    @classmethod
    def of(cls, options: Mapping[str, str]) -> IndexOptions:
        """The options as they are typed. Raises InputError for an unknown or wrong one."""
        read = {"kind": one_of(*get_args(Asked)), "recall": number_from(0.5, 1.0)}
        return cls(**read_options("faiss", options, read))

    def kind_for(self, passages: int, dimensions: int) -> Kind:
        """What is built for so many vectors."""
        if passages < FEWEST:
            return "exact"
        if self.kind != "auto":
            return self.kind
        if passages <= EXACT_UP_TO:
            return "exact"
        fits = 4 * passages * dimensions <= _memory_bytes() // 4
        return "ivf" if passages <= WHOLE_UP_TO and fits else "ivfpq"


def _memory_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
