"""MinHash sketches of many sets in 64 bytes each, and the pairs whose sketches agree in a band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rensa import RMinHash

PERMUTATIONS = 64
BANDS = 16
"""Of four values each: a pair of similarity 0.75 is missed twice in a thousand."""
MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)


class Sketches:
    """Grows by blocks; empty sets pair with nothing."""

    def __init__(self) -> None:
        self._blocks: list[Any] = []
        self._filled: list[Any] = []
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, sets: Sequence[set[str]]) -> None:
        """The next sets in order."""
        if not sets:
            return
        matrix = RMinHash.digest_matrix_from_token_sets(
            [list(found) for found in sets], PERMUTATIONS, 0
        )
        rows = np.array(matrix.to_rows(), dtype=np.uint64).reshape(len(sets), BANDS, -1)
        mixed: Any = np.zeros((len(sets), BANDS), dtype=np.uint64)
        for column, factor in enumerate(MIX):
            mixed = (mixed ^ rows[:, :, column]) * np.uint64(factor)
        self._blocks.append((mixed >> np.uint64(32)).astype(np.uint32))
        self._filled.append(np.array([bool(found) for found in sets]))
        self._rows += len(sets)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Pairs of places that agree in a band, each once; of a large bucket a chain of pairs."""
        if not self._blocks:
            return
        bands = np.concatenate(self._blocks)
        places = np.flatnonzero(np.concatenate(self._filled))
        seen: set[tuple[int, int]] = set()
        for number in range(BANDS):
            band = bands[places, number]
            order = np.argsort(band, kind="stable")
            same = np.flatnonzero(np.diff(band[order]) == 0)
            for at in same.tolist():
                pair = (int(places[order[at]]), int(places[order[at + 1]]))
                if pair not in seen:
                    seen.add(pair)
                    yield pair
