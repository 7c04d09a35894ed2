"""Which sample is which: by id, and no id twice, since scores are paired by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample


def repeated(ids: Iterable[str]) -> list[str]:
    """Ids that stand more than once, in order of first appearance."""
    return [name for name, count in Counter(ids).items() if count > 1]


def by_id(samples: Sequence[Sample]) -> dict[str, Sample]:
    """The samples by their id. Raises DatasetError when two share one."""
    twice = repeated(sample.id for sample in samples)
    if twice:
        raise DatasetError(
            f"{len(twice)} ids name more than one sample, the first is '{twice[0]}'.",
            hint="Give every sample an id of its own; scores are paired by it.",
        )
    return {sample.id: sample for sample in samples}
