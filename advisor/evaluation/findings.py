"""What an evaluation shows beyond its score: how well passages were found, why samples failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from advisor.contracts import Metric, Predictor, PromptBuilder, Retrieving
from advisor.evaluation.diagnosis import diagnose
from advisor.evaluation.predicting import unasked
from advisor.evaluation.retrieval_scores import retrieval_scores
from advisor.evaluation.runner import Prepared
from advisor.schema.evaluation import Document, Evaluation, Hit, Sample

DEPTH = 50
"""Passages looked through for a right one beyond those shown."""


def unprepared(name: str, samples: Sequence[Sample], predictor: Predictor) -> Prepared:
    """A system without prompts in the form of one that has some."""
    return Prepared(name, cast("PromptBuilder", predictor), samples, unasked(samples), {})


def with_findings(
    found: Evaluation, system: Prepared, corpus: Sequence[Document], metric: Metric
) -> Evaluation:
    """The evaluation with its retrieval scored apart and its failures diagnosed."""
    scored = {one.sample_id for one in found.scores}
    samples = [sample for sample in system.samples if sample.id in scored]
    searched = _searched(system.builder, samples)
    retrieval = None
    if isinstance(system.builder, Retrieving) and searched:
        shown = system.builder.shown
        retrieval = retrieval_scores(samples, searched, shown=shown, corpus=corpus)
    diagnosis = diagnose(
        found,
        samples={sample.id: sample for sample in samples},
        prompts={prompt.sample_id: prompt for prompt in system.prompts},
        documents=corpus,
        metric=metric,
        searched=searched if isinstance(system.builder, Retrieving) else None,
    )
    return found.model_copy(update={"retrieval": retrieval, "diagnosis": diagnosis})


def _searched(builder: PromptBuilder, samples: Sequence[Sample]) -> Mapping[str, Sequence[Hit]]:
    """What was found for each sample, deeper than a prompt shows."""
    if not isinstance(builder, Retrieving):
        return {}
    return {sample.id: builder.hits(sample, DEPTH) for sample in samples}
