"""What predictors hand back: completions that cost no token."""

from __future__ import annotations

import time
from collections.abc import Sequence

from advisor.errors import DatasetError
from advisor.schema.evaluation import Completion, Sample


def answered(texts: Sequence[str], began: float) -> list[Completion]:
    """One completion per text; each takes its share of the time since `began`."""
    spent = 1000 * (time.perf_counter() - began) / max(len(texts), 1)
    return [
        Completion(text=text, prompt_tokens=0, completion_tokens=0, latency_ms=spent, usd=0.0)
        for text in texts
    ]


def need_samples(train: Sequence[Sample], what: str) -> None:
    """Raises DatasetError where there is nothing to learn from."""
    if not train:
        raise DatasetError(
            f"{what} needs at least 1 labelled sample, got 0.",
            hint="Add labelled samples to the train split.",
        )
