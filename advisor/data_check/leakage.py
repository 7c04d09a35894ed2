"""Test inputs that the train split already holds, which would make a score worthless."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.data_check.normal import input_key
from advisor.schema.evaluation import Sample


def leaked(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Test samples whose normalised input is also in the train split."""
    held = tuple(samples)
    seen = {input_key(sample) for sample in held if sample.split == "train"}
    return tuple(s for s in held if s.split == "test" and input_key(s) in seen)
