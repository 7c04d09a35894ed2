"""Answers a batch by a loop of our own: every token computed once, finished rows let go.

Rows are padded on the right while prompts are read, so that no mask is needed and no token sees
its neighbours' padding; what stands between a short row's end and the common column of new tokens
is masked. The last token of a prompt is read together with the first step, so that scores over the
vocabulary are computed for positions that decide a token, only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from advisor.builtin.backends._choosing import Chooser, choose
from advisor.builtin.backends._forward import Forward
from advisor.builtin.backends._prefix import Prefix
from advisor.builtin.backends._room import Extent, Room
from advisor.builtin.backends.length_batches import Bounds, batches

READ = {"cpu": Bounds(64, 512), "mps": Bounds(64, 8192), "cuda": Bounds(256, 16384)}
"""Tokens read in one pass: on a CPU what stays in its caches, on a GPU what fills it."""
LET_GO = 0.25
"""Share of finished rows from which the others are copied together."""


class Batch(NamedTuple):
    """Rows to be continued, the longest first."""

    rows: Sequence[Sequence[int]]
    choosers: Sequence[Chooser]
    limits: Sequence[int]
    """New tokens of each row at most."""
    shared: int
    """Tokens at the beginning of every row that the prefix holds."""


class OwnLoop:
    """Batches answered with one cache each; the shared beginning of prompts is computed once."""

    def __init__(self, forward: Forward, layers: int, ends: Sequence[int]) -> None:
        self._forward = forward
        self._layers = layers
        self._ends = frozenset(ends)
        self._prefix = Prefix(forward, layers)

    def share(self, rows: Sequence[Sequence[int]]) -> int:
        """Make ready what all rows of a window begin with; gives its length in tokens."""
        return self._prefix.take(rows)

    def answer(self, batch: Batch) -> list[list[int]]:
        """New tokens of every row, the end token included."""
        extent = Extent(len(batch.rows), len(batch.rows[0]) - 1 + max(batch.limits))
        room = Room(self._layers, extent)
        with torch.inference_mode():
            self._prefix.fill(room, batch.shared)
            self._read(batch, room)
            return self._write(batch, room)

    def _read(self, batch: Batch, room: Room) -> None:
        """Put all but the last token of every prompt into the cache, a few rows at a time."""
        lengths = [len(row) - 1 - batch.shared for row in batch.rows]
        for part in batches(lengths, READ[self._forward.device]):
            width = lengths[part.start]
            if width == 0:
                return
            ids = [_filled(row[batch.shared : -1], width) for row in batch.rows[part]]
            end = batch.shared + width
            places = torch.arange(batch.shared, end, device=self._forward.device)
            room.turn(part, batch.shared)
            self._forward(self._forward.tensor(ids), places.expand(len(ids), -1), room.cache)

    def _write(self, batch: Batch, room: Room) -> list[list[int]]:
        """Continue all rows together, one column at a time."""
        new: list[list[int]] = [[] for _ in batch.rows]
        alive = list(range(len(new)))
        places = self._forward.tensor([len(row) - 1 for row in batch.rows])
        ids = self._forward.tensor([row[-1] for row in batch.rows])
        start = len(batch.rows[0]) - 1
        mask = _mask(places, start, max(batch.limits))
        for column in range(start, start + max(batch.limits)):
            room.turn(slice(0, len(alive)), column)
            seen = None if mask is None else mask[:, : column + 1]
            scores = self._forward(ids[:, None], places[:, None], room.cache, seen)
            ids, places = self._forward.tensor(self._choose(batch, scores, alive, new)), places + 1
            going = [at for at, row in enumerate(alive) if self._goes_on(batch, row, new[row])]
            if not going:
                break
            if len(going) <= (1 - LET_GO) * len(alive):
                kept = self._forward.tensor(going)
                room.keep(kept)
                ids, places = ids[kept], places[kept]
                mask = None if mask is None else mask[kept]
                alive = [alive[at] for at in going]
        return new

    def _choose(
        self, batch: Batch, scores: torch.Tensor, alive: Sequence[int], new: list[list[int]]
    ) -> list[int]:
        """Add the next token to every row that goes on; gives what each row reads next."""
        going = [at for at, row in enumerate(alive) if self._goes_on(batch, row, new[row])]
        chosen = choose(scores[going], [batch.choosers[alive[at]] for at in going])
        tokens = [0] * len(alive)
        for at, token in zip(going, chosen, strict=True):
            new[alive[at]].append(token)
            tokens[at] = token
        return tokens

    def _goes_on(self, batch: Batch, row: int, new: Sequence[int]) -> bool:
        return len(new) < batch.limits[row] and (not new or new[-1] not in self._ends)


def _filled(tokens: Sequence[int], width: int) -> list[int]:
    """Filled up on the right; what the filling computes is never looked at."""
    return [*tokens, *([0] * (width - len(tokens)))]


def _mask(places: torch.Tensor, start: int, more: int) -> torch.Tensor | None:
    """1 for each row's own columns and the new ones; None where nothing lies between."""
    if bool((places == start).all()):
        return None
    columns = torch.arange(start + more, device=places.device)
    return ((columns < places[:, None]) | (columns >= start)).long()
