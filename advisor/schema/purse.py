"""Money of completions: the price before, the cap during, the actual after."""

from __future__ import annotations

from pydantic import Field

from advisor.schema.base import Interval, Provenance, Value


class TokenPrice(Value):
    """What a model's tokens cost, in dollars per million."""

    prompt_usd_per_million: float = Field(ge=0)
    completion_usd_per_million: float = Field(ge=0)
    provenance: Provenance


class Bill(Value):
    """What completions were expected to cost, may cost at most, and cost."""

    price: TokenPrice | None
    """None when unknown: then every amount is unknown too."""
    calls_planned: int
    """Prompts without an answer in the cache."""
    calls_cached: int
    expected_usd: Interval | None = None
    """Before the run; the high end takes every answer at its longest."""
    cap_usd: float | None = None
    """No call starts once so much is spent; None without a cap."""
    detectable: float | None = None
    """Smallest gain in score that the test samples would show in 4 of 5 repetitions, by the largest
    spread there can be; known before anything is spent."""
    detectable_by_groups: float | None = None
    """The same if samples that share a document or group were wholly alike, so that only groups
    count; None where none share one. How alike they are is known once they were scored."""
    spent_usd: float | None = None
    """Actual, from the service's own count of tokens."""
    calls: int = 0
    capped: bool = False
    """The cap ended the run before all prompts were answered."""
