"""Right or wrong: the whole answer equals the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.normalise import normalised
from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score


class ExactMatchMetric:
    """1 when answer and reference are equal but for case, white space and a trailing full stop."""

    info = MetricInfo(id="exact_match", label="exact match", binary=True)
    signature = signed("exact_match", case="lc", space="one", stop="off", v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """The same; it takes no option."""
        read_options(self.info.id, options, {})
        return self

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """1 or 0."""
        equal = normalised(completion.text) == normalised(sample.target)
        return Score(sample_id=sample.id, value=float(equal))
