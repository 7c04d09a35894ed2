"""How long the rows are, which are far longer than the rest, and what a length limit cuts."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from advisor.data_check.lines import counted
from advisor.data_check.looks import Found, Look, Whole
from advisor.schema.dataset import Histogram, Quantiles, TokenLengths
from advisor.schema.evaluation import Sample

BYTES_PER_TOKEN = 4
"""A rule of thumb for English text; other scripts take two or three bytes for a letter, and more
tokens, so that it is no worse for them."""
ESTIMATED_FROM = f"UTF-8 bytes / {BYTES_PER_TOKEN}"
FAR_LONGER = 10
"""Times the median length at which a row is worth a look."""
LONG_ENOUGH_TO_MATTER = 512
"""Tokens below which no row is called long."""
EDGES = (0, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)

COUNTED_ROWS = 20_000
"""Rows whose tokens a tokenizer counts; of further ones they are estimated at the same rate."""

Counter = Callable[[Sample], tuple[int, int]]
"""Tokens in front of the target, and of the target, by a tokenizer."""


def estimated_tokens(text: str) -> int:
    """Tokens of a text by its bytes, rounded up."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return math.ceil(size / BYTES_PER_TOKEN)


def tokens_before(sample: Sample) -> int:
    """Estimated tokens of all that stands before the target."""
    tokens = estimated_tokens(sample.input)
    for turn in (*sample.history, *sample.steps):
        tokens += estimated_tokens(turn.content)
    return tokens


def quantiles(counts: Iterable[int]) -> Quantiles:
    """Smallest, median, 95 % point and largest by nearest rank; needs at least one count."""
    ordered = sorted(counts)

    def at(share: float) -> int:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return Quantiles(smallest=ordered[0], p50=at(0.5), p95=at(0.95), largest=ordered[-1])


def histogram(name: str, counts: Sequence[int]) -> Histogram:
    """Rows by token length between powers of two, up to the longest."""
    last = bisect_right(EDGES, max(counts))
    edges = (*EDGES[:last], EDGES[last] if last < len(EDGES) else max(counts) + 1)
    bins = [0] * (len(edges) - 1)
    for count in counts:
        bins[min(bisect_right(edges, count) - 1, len(bins) - 1)] += 1
    return Histogram(name=name, unit="tokens", edges=edges, counts=tuple(bins))


class Lengths:
    """Counts tokens, and which rows a length limit cuts."""

    def __init__(self, limit: int | None = None, count: Counter | None = None) -> None:
        self.limit = limit
        self._count = count
        self._input = array("L")
        self._target = array("L")
        self._total = array("L")
        self._cut = array("L")
        self._lost = array("L")
        self._estimated = 0
        self._counted = 0

    def see(self, look: Look) -> None:
        """Take one row."""
        sample = look.sample
        before, target = tokens_before(sample), estimated_tokens(sample.target)
        own = estimated_tokens(sample.input) if sample.history else before
        if self._count is not None:
            before, target, own = self._exact(sample, before, target, own)
        self._input.append(own)
        self._target.append(target)
        self._total.append(before + target)
        if self.limit is not None and before + target > self.limit:
            (self._lost if before >= self.limit else self._cut).append(look.place)

    def _exact(self, sample: Sample, before: int, target: int, own: int) -> tuple[int, int, int]:
        """The same by the tokenizer, or at the rate of the rows it counted."""
        if self._count is not None and len(self._total) < COUNTED_ROWS:
            counted_before, counted_target = self._count(sample)
            self._estimated += before + target
            self._counted += counted_before + counted_target
            rate = counted_before / before if before else 1.0
            return counted_before, counted_target, round(own * rate)
        rate = self._counted / max(self._estimated, 1)
        return round(before * rate), round(target * rate), round(own * rate)

    def measured(self, estimated_from: str = ESTIMATED_FROM) -> TokenLengths | None:
        """Token lengths; None without samples."""
        if not self._total:
            return None
        return TokenLengths(
            estimated_from=estimated_from,
            input=quantiles(self._input),
            target=quantiles(self._target),
            total=quantiles(self._total),
        )

    def histograms(self) -> tuple[Histogram, ...]:
        """Inputs, targets and whole rows by length; none without samples."""
        named = (("input", self._input), ("target", self._target), ("total", self._total))
        return tuple(histogram(name, counts) for name, counts in named if counts)

    def found(self, whole: Whole) -> Iterator[Found]:
        """The problems to show for long rows."""
        if not self._total:
            return
        if self._count is not None and whole.rows > COUNTED_ROWS:
            whole.looked_at["token_lengths"] = COUNTED_ROWS
            whole.notes.append(
                f"The tokenizer counted the first {COUNTED_ROWS} rows; the others are estimated at"
                " the same rate."
            )
        yield from self._cuts(whole.rows)
        middle = quantiles(self._total).p50
        limit = max(LONG_ENOUGH_TO_MATTER, FAR_LONGER * middle)
        long = [place for place, count in enumerate(self._total) if count > limit]
        if long:
            yield Found(
                "long_rows",
                "note",
                long,
                f"{counted(len(long), 'row')} of more than about {limit} tokens; the median is"
                f" {middle}.",
                "They set the sequence length and so the memory; look whether they belong.",
            )

    def _cuts(self, rows: int) -> Iterator[Found]:
        if self._lost:
            yield Found(
                "no_trainable_tokens",
                "error",
                self._lost,
                f"{counted(len(self._lost), 'row')} whose input alone fills {self.limit} tokens:"
                " the whole target is cut, and nothing is learnt.",
                f"Raise --seq-len, shorten the inputs, or delete the rows"
                f" ({len(self._lost) / rows:.1%} of all).",
            )
        if self._cut:
            yield Found(
                "truncated_rows",
                "warning",
                self._cut,
                f"{counted(len(self._cut), 'row')} ({len(self._cut) / rows:.1%}) longer than"
                f" {self.limit} tokens: the end of the target is cut.",
                f"{max(self._total)} tokens would hold all of them; or shorten or delete them.",
            )
