"""ROUGE by rouge-score: how many words, pairs of words or runs of words two texts share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

from advisor.builtin.metrics.normalise import normalised
from advisor.builtin.metrics.options import read_options, yes_no
from advisor.builtin.metrics.signing import library, signed
from advisor.contracts import MetricInfo
from advisor.errors import MissingExtraError
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

OPTIONS = {"stemmer": yes_no}
TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


class UnicodeWords:
    """Words of any script for rouge-score, whose own tokeniser keeps a-z and 0-9 alone.

    On ASCII text both cut alike; Chinese and Japanese characters are words of their own.
    """

    def tokenize(self, text: str) -> list[str]:
        """Words in lower case, in order."""
        return TOKEN.findall(text.lower())


class Rouge:
    """What the three have: F-measure by rouge-score."""

    info: ClassVar[MetricInfo]

    def __init__(self, *, stemmer: bool = False) -> None:
        self.stemmer = stemmer

    @property
    def signature(self) -> str:
        """Tokeniser, stemmer and library."""
        return signed(
            self.info.id,
            measure="f",
            case="lc",
            tok="ascii" if self.stemmer else "unicode",
            stemmer=self.stemmer,
            **{"rouge-score": library("rouge-score")},
        )

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `stemmer=yes`, English words are cut to their stem first (Porter)."""
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    @cached_property
    def _scorer(self) -> Any:
        try:
            from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415 - slow and optional
        except ImportError as error:
            raise MissingExtraError("ROUGE", "metrics") from error
        tokenizer = None if self.stemmer else UnicodeWords()
        return RougeScorer([self.info.id], use_stemmer=self.stemmer, tokenizer=tokenizer)

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """The F-measure; 1 for texts that are the same but too short to have a pair of words."""
        if normalised(completion.text) == normalised(sample.target):
            return Score(sample_id=sample.id, value=1.0)
        found = self._scorer.score(sample.target, completion.text)[self.info.id]
        return Score(sample_id=sample.id, value=float(found.fmeasure))


class Rouge1Metric(Rouge):
    """Shared words."""

    info = MetricInfo(id="rouge1", label="ROUGE-1", extra="metrics", options=tuple(OPTIONS))


class Rouge2Metric(Rouge):
    """Shared pairs of neighbouring words."""

    info = MetricInfo(id="rouge2", label="ROUGE-2", extra="metrics", options=tuple(OPTIONS))


class RougeLMetric(Rouge):
    """The longest run of words, with gaps, that both have in order."""

    info = MetricInfo(id="rougeL", label="ROUGE-L", extra="metrics", options=tuple(OPTIONS))
