"""Partly right: how many words answer and reference share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.normalise import normalised
from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score


def words(text: str) -> Counter[str]:
    """Words with their counts; punctuation is dropped but for signs that end a word, as in C++."""
    return Counter(re.findall(r"\w+(?:[+#]+(?!\w))?", normalised(text)))


def shared_words_f1(answer: str, reference: str) -> float:
    """2 x shared / (words of answer + words of reference); 1 when neither has a word."""
    ours, theirs = words(answer), words(reference)
    total = ours.total() + theirs.total()
    if not total:
        return float(normalised(answer) == normalised(reference))
    return 2 * (ours & theirs).total() / total


class TokenF1Metric:
    """The harmonic mean of precision and recall over words, from 0 to 1."""

    info = MetricInfo(id="token_f1", label="shared words (F1)")
    signature = signed("token_f1", tok="unicode-words-signs", case="lc", stop="off", v=2)

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
        """A share from 0 to 1."""
        return Score(sample_id=sample.id, value=shared_words_f1(completion.text, sample.target))
