"""The language of written samples against that of the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from advisor.data_check.languages import LONGEST, Identify, identifier
from advisor.generation.sieve import Check
from advisor.schema.evaluation import Sample
from advisor.schema.generation import Dropped

LONG_ENOUGH = 60
"""Characters below which a language is a guess."""
SURE = 0.95
SEEDS_LOOKED_AT = 300
WORTH_HAVING = 0.05
"""Share of the seeds from which a language belongs to the data."""


def language_check(seeds: Sequence[Sample]) -> Check | None:
    """A check that drops what is surely in a language the data does not have.

    None without the extra `data`.
    """
    identify = identifier()
    if identify is None:
        return None
    found = Counter(
        language
        for sample in seeds[:SEEDS_LOOKED_AT]
        if (language := _surely(identify, sample)) is not None
    )
    spoken = {name for name, count in found.items() if count >= WORTH_HAVING * found.total()}

    def check(sample: Sample) -> Dropped | None:
        language = _surely(identify, sample) if spoken else None
        return "language" if language is not None and language not in spoken else None

    return check


def _surely(identify: Identify, sample: Sample) -> str | None:
    text = f"{sample.input} {sample.target}"
    if len(text) < LONG_ENOUGH:
        return None
    language, chance = identify(text[:LONGEST])
    return language if chance >= SURE else None
