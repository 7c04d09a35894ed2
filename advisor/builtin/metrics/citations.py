"""How many of the passages that an answer names exist and support the sentence they stand in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.numeric import numbers
from advisor.builtin.metrics.options import number_from, read_options
from advisor.builtin.metrics.refusal import declines
from advisor.builtin.metrics.signing import signed
from advisor.builtin.metrics.statements import COVERAGE, content_words, sentences, supported
from advisor.contracts import MetricInfo
from advisor.schema.citing import MARK, cited, without_citations
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

OPTIONS = {"coverage": number_from(0.1, 1)}
SHOWN = 80
_BEHIND = re.compile(rf"([.!?])((?:[ \t]*{MARK.pattern})+)")


class CitationsMetric:
    """The share of an answer's citations that name a passage shown which supports the sentence."""

    info = MetricInfo(
        id="citations",
        label="citations that hold",
        options=tuple(OPTIONS),
        needs=("passages", "citations"),
    )

    def __init__(self, *, coverage: float = COVERAGE) -> None:
        self.coverage = coverage
        """Share of a sentence's content words that the passage must have."""

    @property
    def signature(self) -> str:
        """How citations are read and supported, and version."""
        rule = "words+numbers+names+negation"
        return signed(self.info.id, marks="[n]", by=rule, coverage=self.coverage, v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `coverage`, the share of content words that a passage must have (0.75)."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    def score(self, prompt: Prompt, completion: Completion, sample: Sample) -> Score:
        """A share from 0 to 1; an answer that names no passage is 0.

        Unscored without passages, and for an answer that declines and names none.
        """
        text = completion.text.strip()
        pairs = cited_sentences(text)
        if not prompt.passage_texts or (text and not pairs and declines(text)):
            why = "the answer declines" if prompt.passage_texts else "no passage was shown"
            return Score(sample_id=sample.id, value=0.0, unscored=True, note=why)
        if not pairs:
            why = "no passage is named" if text else "no answer"
            return Score(sample_id=sample.id, value=0.0, note=why)
        faults = [self._fault(sentence, number, prompt) for sentence, number in pairs]
        share = sum(not fault for fault in faults) / len(faults)
        return Score(sample_id=sample.id, value=share, note=next(filter(None, faults), ""))

    def _fault(self, sentence: str, number: int, prompt: Prompt) -> str:
        """What is wrong with one citation; empty for nothing."""
        if not 1 <= number <= len(prompt.passage_texts):
            return f"[{number}] names none of {len(prompt.passage_texts)} passages"
        if not (content_words(sentence) or numbers(sentence)):
            return ""
        verdict = supported(sentence, prompt.passage_texts[number - 1], coverage=self.coverage)
        return "" if verdict.holds else f"[{number}] lacks: {verdict.lacking[:SHOWN]}"


def cited_sentences(text: str) -> list[tuple[str, int]]:
    """Each sentence, without marks, with each passage that it names.

    Marks behind a full stop belong to the sentence before them.
    """
    inner = _BEHIND.sub(r"\2\1", text)
    return [
        (without_citations(sentence), number)
        for sentence in sentences(inner)
        for number in cited(sentence)
    ]
