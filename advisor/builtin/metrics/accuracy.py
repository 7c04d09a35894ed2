"""Right or wrong: the answer gives the sample's label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.labels import given_label, label_list
from advisor.builtin.metrics.normalise import label_normalised
from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import digest, signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

OPTIONS = {"labels": label_list}


def labels_part(labels: tuple[str, ...]) -> str:
    """Labels in a signature: how many, and which, by digest."""
    if not labels:
        return "open"
    return f"{len(labels)}-{digest(chr(10).join(sorted(map(label_normalised, labels))))}"


class AccuracyMetric:
    """1 when the answer gives the label, also inside a phrase that leaves no doubt."""

    info = MetricInfo(id="accuracy", label="right label", binary=True, options=tuple(OPTIONS))

    def __init__(self, *, labels: tuple[str, ...] = ()) -> None:
        self.labels = labels

    @property
    def signature(self) -> str:
        """Labels, normalisation and version."""
        return signed("accuracy", labels=labels_part(self.labels), norm="label", wrapped="yes", v=2)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `labels=a,b,c` (or a JSON list), a label is also found anywhere in the answer."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """1 or 0; no label, or more than one, is wrong."""
        given = given_label(completion.text, sample.target, self.labels)
        right = given == label_normalised(sample.target)
        note = "" if given is not None else "no label, or no single one, in the answer"
        return Score(sample_id=sample.id, value=float(right), note=note)
