"""How long the rows are, and which are far longer than the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable

from advisor.data_check.lines import counted, lines_of
from advisor.schema.dataset import Problem, Quantiles, TokenLengths
from advisor.schema.evaluation import Sample

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English text; other languages and codes take more tokens."""
FAR_LONGER = 10
"""Times the median length at which a row is worth a look."""
LONG_ENOUGH_TO_MATTER = 512
"""Tokens below which no row is called long."""


def estimated_tokens(text: str) -> int:
    """Tokens of a text by its characters, rounded up."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def tokens_of_sample(sample: Sample) -> int:
    """Estimated tokens of earlier turns, input and target together."""
    turns = sum(estimated_tokens(turn.content) for turn in sample.history)
    return turns + estimated_tokens(sample.input) + estimated_tokens(sample.target)


def quantiles(counts: Iterable[int]) -> Quantiles:
    """Smallest, median, 95 % point and largest by nearest rank; needs at least one count."""
    ordered = sorted(counts)

    def at(share: float) -> int:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return Quantiles(smallest=ordered[0], p50=at(0.5), p95=at(0.95), largest=ordered[-1])


def measure(samples: tuple[Sample, ...]) -> TokenLengths | None:
    """Estimated token lengths; None without samples."""
    if not samples:
        return None
    return TokenLengths(
        estimated_from=f"characters / {CHARACTERS_PER_TOKEN}",
        input=quantiles(estimated_tokens(sample.input) for sample in samples),
        target=quantiles(estimated_tokens(sample.target) for sample in samples),
        total=quantiles(tokens_of_sample(sample) for sample in samples),
    )


def find(samples: tuple[Sample, ...]) -> tuple[Problem, ...]:
    """The problem to show for rows far longer than the median."""
    if not samples:
        return ()
    middle = quantiles(tokens_of_sample(sample) for sample in samples).p50
    limit = max(LONG_ENOUGH_TO_MATTER, FAR_LONGER * middle)
    long = tuple(sample for sample in samples if tokens_of_sample(sample) > limit)
    if not long:
        return ()
    problem = Problem(
        code="long_rows",
        severity="note",
        rows=lines_of(long),
        message=f"{counted(len(long), 'row')} of more than about {limit} tokens; the median is"
        f" {middle}.",
        hint="They set the sequence length and so the memory; look whether they belong.",
    )
    return (problem,)
