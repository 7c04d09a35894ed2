"""Token lengths of training samples, and what they do to batches, truncation and packing."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from advisor.data_check.scripts import characters_by_script, kind_of
from advisor.schema.base import Interval, Provenance
from advisor.schema.evaluation import Sample
from advisor.schema.lengths import SequenceLengths, Tokenisation

TURN_TOKENS = 5
"""What a chat template puts around a turn: role, separators and end (4 to 6 in ChatML, Llama 3)."""

LONGEST_PACKED = 2048
"""Length of packed sequences unless samples are cut sooner: the recipes' sequence length."""


def counted_tokens(
    samples: Sequence[Sample], instruction: str, tokenisation: Tokenisation
) -> tuple[list[float], Interval]:
    """Likely tokens of every sample, and actual over likely as an interval over all of them."""
    rates = tokenisation.tokens_per_character
    head = _tokens(instruction, rates) + TURN_TOKENS if instruction else 0.0
    texts = [_text(sample) for sample in samples]
    kinds = [kind_of(text, characters_by_script(text)) for text in texts]
    counts = [
        head
        + (_tokens(text, rates) * tokenisation.ratio[kind].likely)
        + TURN_TOKENS * (2 + len(sample.history))
        for sample, text, kind in zip(samples, texts, kinds, strict=True)
    ]
    low, high = (
        sum(
            count * getattr(tokenisation.ratio[kind], end) / tokenisation.ratio[kind].likely
            for count, kind in zip(counts, kinds, strict=True)
        )
        / max(sum(counts), 1.0)
        for end in ("low", "high")
    )
    return counts, Interval(low=min(low, 1.0), likely=1.0, high=max(high, 1.0))


def _text(sample: Sample) -> str:
    """All turns; of two answers the longer, since both are padded to it."""
    answer = max(sample.target, sample.rejected or "", key=len)
    return "\n".join([*(turn.content for turn in sample.history), sample.input, answer])


def _tokens(text: str, rates: dict[str, float]) -> float:
    counts = characters_by_script(text)
    return sum(rates.get(script, 1.0) * count for script, count in counts.items())


def sequence_lengths(
    counts: Sequence[float],
    *,
    limit: int,
    batch_size: int,
    ratio: Interval | None = None,
    provenance: Provenance,
) -> SequenceLengths:
    """What the counts of all samples mean for a plan; `ratio` None says they are exact.

    Samples longer than `limit` count as cut. Padding is that of batches drawn at random.
    """
    spread = ratio or Interval(low=1.0, likely=1.0, high=1.0)
    ordered = sorted(counts)
    cut = [min(count, float(limit)) for count in counts]

    def span(value: float) -> Interval:
        return Interval(low=value * spread.low, likely=value, high=value * spread.high)

    def processed(scale: float) -> float:
        return sum(min(count * scale, float(limit)) for count in counts)

    return SequenceLengths(
        samples=len(counts),
        is_exact=ratio is None,
        longest=span(ordered[-1] if ordered else 0.0),
        percentile_99=span(_point(ordered, 0.99)),
        median=span(_point(ordered, 0.5)),
        mean=span(sum(counts) / len(counts) if counts else 0.0),
        total=span(sum(counts)),
        limit=limit,
        truncated_samples=sum(count > limit for count in counts),
        processed=Interval(
            low=processed(spread.low), likely=processed(1.0), high=processed(spread.high)
        ),
        padding_share=padding_share(cut, batch_size),
        packed_length=min(limit, LONGEST_PACKED),
        packed_sequences=math.ceil(sum(cut) / min(limit, LONGEST_PACKED)),
        provenance=provenance,
    )


def _point(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of the ordered counts lies, by nearest rank."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def padding_share(counts: Sequence[float], batch_size: int) -> float:
    """Share of padding when batches are drawn at random and filled up to their longest sample."""
    if batch_size == 1 or not counts:
        return 0.0
    drawn = list(counts)
    random.Random(0).shuffle(drawn)  # noqa: S311  repeatable, nothing secret
    batches = [drawn[i : i + batch_size] for i in range(0, len(drawn), batch_size)]
    padded = sum(max(batch) * len(batch) for batch in batches)
    return 1.0 - sum(drawn) / padded if padded else 0.0
