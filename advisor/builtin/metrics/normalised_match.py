"""Right or wrong: answer and reference are equal once articles and punctuation are gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.normalise import normalised, squad_normalised
from advisor.builtin.metrics.options import read_options, yes_no
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

OPTIONS = {"articles": yes_no}


class NormalisedMatchMetric:
    """1 when answer and reference are equal after SQuAD's normalisation, in any script."""

    info = MetricInfo(
        id="normalised_match",
        label="match without articles and punctuation",
        binary=True,
        options=tuple(OPTIONS),
    )

    def __init__(self, *, articles: bool = True) -> None:
        self.articles = articles
        """Whether English articles are dropped."""

    @property
    def signature(self) -> str:
        """Normalisation and version."""
        norm = "squad-numbers-signs-whole"
        return signed("normalised_match", norm=norm, articles=self.articles, unicode="nfkc", v=2)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `articles=no`, English articles count."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """1 or 0; where nothing is left of the reference, the texts are compared as they are."""
        ours = squad_normalised(completion.text, articles=self.articles)
        theirs = squad_normalised(sample.target, articles=self.articles)
        if not theirs:
            ours, theirs = normalised(completion.text), normalised(sample.target)
        return Score(sample_id=sample.id, value=float(ours == theirs))
