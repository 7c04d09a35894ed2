"""F1 over labels, from counts of all samples: macro and micro, as scikit-learn has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from advisor.builtin.metrics.accuracy import OPTIONS, labels_part
from advisor.builtin.metrics.labels import given_label
from advisor.builtin.metrics.normalise import label_normalised
from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score


class LabelF1:
    """What both have: one sample's counts, and right or wrong as its own value."""

    info: ClassVar[MetricInfo]

    def __init__(self, *, labels: tuple[str, ...] = ()) -> None:
        self.labels = labels

    @property
    def signature(self) -> str:
        """Labels, normalisation, averaging and version."""
        labels = labels_part(self.labels)
        return signed(self.info.id, labels=labels, norm="label", over="labels of targets", v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `labels=a,b,c` (or a JSON list), a label is also found anywhere in the answer."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """1 or 0, with what the sample adds to true and false positives and false negatives.

        An answer that gives no label is a false negative and no false positive.
        """
        wanted = label_normalised(sample.target)
        given = given_label(completion.text, sample.target, self.labels)
        if given == wanted:
            return Score(sample_id=sample.id, value=1.0, totals={f"tp:{wanted}": 1})
        totals = {f"fn:{wanted}": 1.0}
        if given is not None:
            totals[f"fp:{given}"] = 1.0
        return Score(sample_id=sample.id, value=0.0, totals=totals)


class MacroF1Metric(LabelF1):
    """The mean of the labels' F1: rare labels weigh as much as common ones."""

    info = MetricInfo(id="macro_f1", label="F1, mean of labels", options=tuple(OPTIONS))

    def value_of(self, totals: Mapping[str, float]) -> float:
        """Mean over the labels that occur as targets of 2 tp / (2 tp + fp + fn).

        Equal to scikit-learn's f1_score(labels=labels of the targets, average="macro").
        """
        names = sorted({key[3:] for key, count in totals.items() if key[:2] in _TRUE and count})
        if not names:
            return 0.0
        parts = [[totals.get(f"{kind}:{name}", 0.0) for kind in _KINDS] for name in names]
        return sum(_f1(*counts) for counts in parts) / len(names)


class MicroF1Metric(LabelF1):
    """F1 of all labels' counts together; equal to accuracy where every answer gives a label."""

    info = MetricInfo(id="micro_f1", label="F1, labels pooled", options=tuple(OPTIONS))

    def value_of(self, totals: Mapping[str, float]) -> float:
        """2 tp / (2 tp + fp + fn) of the sums over labels (scikit-learn's average="micro")."""
        sums = [
            sum(count for key, count in totals.items() if key.startswith(f"{kind}:"))
            for kind in _KINDS
        ]
        return _f1(*sums)


_KINDS = ("tp", "fp", "fn")
_TRUE = {"tp", "fn"}


def _f1(tp: float, fp: float, fn: float) -> float:
    return 2 * tp / (2 * tp + fp + fn) if tp else 0.0
