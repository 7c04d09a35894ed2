"""The language of written samples against that of the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from advisor.errors import MissingExtraError
from advisor.generation.sieve import Check
from advisor.schema.evaluation import Sample
from advisor.schema.generation import Dropped

LONG_ENOUGH = 60
"""Characters below which a language is a guess."""
SURE = 0.95
SEEDS_LOOKED_AT = 300
WORTH_HAVING = 0.05
"""Share of the seeds from which a language belongs to the data."""


def language_check(seeds: Sequence[Sample]) -> Check:
    """A check that drops what is surely in a language the data does not have.

    Raises MissingExtraError without the extra `data`.
    """
    classifier = _classifier()
    found = Counter(
        language
        for sample in seeds[:SEEDS_LOOKED_AT]
        if (language := _surely(classifier, sample)) is not None
    )
    spoken = {name for name, count in found.items() if count >= WORTH_HAVING * found.total()}

    def check(sample: Sample) -> Dropped | None:
        language = _surely(classifier, sample) if spoken else None
        return "language" if language is not None and language not in spoken else None

    return check


def _surely(classifier: Any, sample: Sample) -> str | None:
    text = f"{sample.input} {sample.target}"
    if len(text) < LONG_ENOUGH:
        return None
    language, chance = classifier.classify(text)
    return str(language) if chance >= SURE else None


def _classifier() -> Any:
    try:
        from py3langid.langid import (  # noqa: PLC0415 - heavy, and optional
            MODEL_FILE,
            LanguageIdentifier,
        )
    except ImportError as error:
        what = "Looking at the language of written samples"
        raise MissingExtraError(what, "data") from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
