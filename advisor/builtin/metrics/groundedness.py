"""How much of an answer the passages shown with the prompt support, and how much they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from advisor.builtin.metrics.options import number_from, read_options
from advisor.builtin.metrics.refusal import declines
from advisor.builtin.metrics.signing import signed
from advisor.builtin.metrics.statements import COVERAGE, Support, statements, supported
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

OPTIONS = {"coverage": number_from(0.1, 1)}
SHOWN = 80


class Grounding:
    """What both have: the share of an answer's statements that one passage supports."""

    info: ClassVar[MetricInfo]

    def __init__(self, *, coverage: float = COVERAGE) -> None:
        self.coverage = coverage
        """Share of a statement's content words that one passage must have."""

    @property
    def signature(self) -> str:
        """How statements are found and supported, and version."""
        rule = "words+numbers+names+negation"
        return signed(self.info.id, unit="sentence", by=rule, coverage=self.coverage, v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `coverage`, the share of content words that a passage must have (0.75)."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    def _share(self, prompt: Prompt, completion: Completion, sample: Sample) -> Score:
        """Supported statements over all; unscored where there is nothing to hold against another.

        No answer is 0. Without passages, for a refusal, and for an answer that states nothing
        (a bare yes), there is no share.
        """
        text = completion.text.strip()
        if not text:
            return Score(sample_id=sample.id, value=0.0, note="no answer")
        passages = [passage for passage in prompt.passage_texts if passage.strip()]
        found = statements(text)
        if not passages or not found or (len(found) == 1 and declines(text)):
            why = "no passage was shown" if not passages else "the answer states nothing"
            return Score(sample_id=sample.id, value=0.0, unscored=True, note=why)
        verdicts = [self._best(statement, passages) for statement in found]
        share = sum(verdict.holds for verdict in verdicts) / len(verdicts)
        return Score(sample_id=sample.id, value=share, note=_first_fault(found, verdicts))

    def _best(self, statement: str, passages: Sequence[str]) -> Support:
        verdicts = [supported(statement, text, coverage=self.coverage) for text in passages]
        return next((v for v in verdicts if v.holds), verdicts[0])


def _first_fault(found: Sequence[str], verdicts: Sequence[Support]) -> str:
    for number, verdict in enumerate(verdicts, 1):
        if not verdict.holds:
            return f"statement {number} of {len(found)} lacks: {verdict.lacking[:SHOWN]}"
    return ""


class GroundednessMetric(Grounding):
    """The share of an answer's statements that a retrieved passage supports."""

    info = MetricInfo(
        id="groundedness",
        label="supported by the passages",
        options=tuple(OPTIONS),
        needs=("passages",),
    )

    def score(self, prompt: Prompt, completion: Completion, sample: Sample) -> Score:
        """A share from 0 to 1; no answer is 0."""
        return self._share(prompt, completion, sample)


class HallucinationRateMetric(Grounding):
    """The share of an answer's statements that no retrieved passage supports. Lower is better."""

    info = MetricInfo(
        id="hallucination_rate",
        label="not supported by the passages",
        higher_is_better=False,
        options=tuple(OPTIONS),
        needs=("passages",),
    )

    def score(self, prompt: Prompt, completion: Completion, sample: Sample) -> Score:
        """1 minus the groundedness; an empty answer states nothing, so it is unscored."""
        found = self._share(prompt, completion, sample)
        if found.unscored or not completion.text.strip():
            return found.model_copy(update={"value": 0.0, "unscored": True})
        return found.model_copy(update={"value": 1 - found.value})
