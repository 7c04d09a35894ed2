"""Partly right: how near answer and reference lie in meaning, by an embedding model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from advisor.builtin.metrics.embedding import MODEL, Vectors
from advisor.builtin.metrics.options import read_options, some_text
from advisor.builtin.metrics.signing import library, signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

OPTIONS = {"model": some_text}


class SemanticSimilarityMetric:
    """Cosine of the two texts' embeddings, 0 where it is negative.

    It measures the topic more than the truth: a denied sentence lies near its opposite.
    """

    info = MetricInfo(
        id="semantic_similarity",
        label="similar meaning",
        extra="rag",
        options=tuple(OPTIONS),
    )

    def __init__(self, *, model: str = MODEL) -> None:
        self._vectors = Vectors(model)

    @property
    def signature(self) -> str:
        """Model and library."""
        return signed(
            self.info.id,
            measure="cosine",
            model=self._vectors.version,
            **{"sentence-transformers": library("sentence-transformers")},
        )

    def configured(self, options: Mapping[str, str]) -> Self:
        """With `model=FOLDER`, the folder of a sentence-transformers model."""
        metric = type(self)(**read_options(self.info.id, options, OPTIONS))
        metric.find_model()
        return metric

    def find_model(self) -> None:
        """Raise MissingExtraError or ModelFolderError where the model is not there."""
        self._vectors.folder()

    def prepare(self, texts: Sequence[str]) -> None:
        """Embed many texts at once, which is faster than one by one; `score` then looks them up."""
        self._vectors.take_in([text for text in map(str.strip, texts) if text])

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """A share from 0 to 1; the note says when a text is longer than the model reads."""
        ours, theirs = completion.text.strip(), sample.target.strip()
        if ours == theirs:
            return Score(sample_id=sample.id, value=1.0)
        if not ours or not theirs:
            return Score(sample_id=sample.id, value=0.0)
        value = min(1.0, max(0.0, round(self._vectors.cosine(ours, theirs), 6)))
        is_cut = self._vectors.is_cut(ours) or self._vectors.is_cut(theirs)
        note = "only the beginning of a long text was compared" if is_cut else ""
        return Score(sample_id=sample.id, value=value, note=note)
