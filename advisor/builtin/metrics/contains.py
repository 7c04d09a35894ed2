"""Right or wrong: the reference stands somewhere in the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.normalise import normalised
from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score


def stands_in(needle: str, haystack: str) -> bool:
    """Whether `needle` occurs in `haystack` as whole words (art does not occur in party)."""
    if not needle:
        return not haystack
    return re.search(rf"(?<!\w){re.escape(needle)}(?!\w)", haystack) is not None


class ContainsMetric:
    """1 when the reference occurs in the answer as whole words."""

    info = MetricInfo(id="contains", label="reference in answer", binary=True)
    signature = signed("contains", words="whole", case="lc", space="one", stop="off", v=1)

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
        found = stands_in(normalised(sample.target), normalised(completion.text))
        return Score(sample_id=sample.id, value=float(found))
