"""What both interchange formats need of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import NamedTuple

from advisor.schema.evaluation import Evaluation, Sample, ScoredSample


class Subject(NamedTuple):
    """Whose scores they are, and on what."""

    task: str
    """Name of the run."""
    model: str
    """What it is called where it is published or served: `owner/name`, or a bare name."""
    base: str
    """The model that answered, or was tuned."""
    backend: str
    made_at: float
    """When the scores were made, as their document says it: seconds since 1970."""
    versions: Mapping[str, str]
    """Libraries that took part, advisor among them."""
    higher_is_better: bool = True
    instruction: str = ""
    is_binary: bool = False
    """Every single score is 0 or 1; the value is their mean."""


class Row(NamedTuple):
    """A scored sample with its texts, where they are still at hand."""

    number: int
    score: ScoredSample
    sample: Sample


def rows_of(evaluation: Evaluation, samples: Sequence[Sample]) -> list[Row]:
    """The scored samples whose texts are known, in their order."""
    known = {sample.id: sample for sample in samples}
    return [
        Row(number, score, known[score.sample_id])
        for number, score in enumerate(evaluation.scores)
        if score.sample_id in known
    ]


def standard_error(evaluation: Evaluation) -> float | None:
    """Of a mean of independent samples; None where the value is no such mean.

    Samples that share a document or group are no independent witnesses, and a metric of summed
    totals is no mean.
    """
    values = [score.value for score in evaluation.scores if not score.unscored]
    groups = [score.group for score in evaluation.scores if score.group]
    is_mean = len(values) > 1 and abs(fmean(values) - evaluation.value) < 1e-9
    if not is_mean or len(groups) != len(set(groups)):
        return None
    return stdev(values) / sqrt(len(values))
