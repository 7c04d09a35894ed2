"""What an evaluation shows beyond its score: how well passages were found, why samples failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from advisor.contracts import Metric, Predictor, PromptBuilder, Retrieving
from advisor.evaluation.diagnosis import diagnose
from advisor.evaluation.diagnosis_reading import Reading
from advisor.evaluation.predicting import unasked
from advisor.evaluation.retrieval_scores import retrieval_scores
from advisor.evaluation.runner import Prepared
from advisor.schema.evaluation import Document, Evaluation, Hit, Sample

DEPTH = 50
"""Passages looked through for a right one beyond those shown."""


def unprepared(name: str, samples: Sequence[Sample], predictor: Predictor) -> Prepared:
    """A system without prompts in the form of one that has some."""
    return Prepared(name, cast("PromptBuilder", predictor), samples, unasked(samples), {})


_READINGS: list[Reading] = []
"""The last one: every system of a baseline is judged by the same documents."""


def _reading(samples: Sequence[Sample], corpus: Sequence[Document]) -> Reading:
    """The documents read for these samples; once for all systems that are measured on them."""
    if not _READINGS or not _READINGS[0].serves(samples, corpus):
        _READINGS[:] = [Reading(samples, corpus)]
    return _READINGS[0]


def with_findings(
    found: Evaluation, system: Prepared, corpus: Sequence[Document], metric: Metric
) -> Evaluation:
    """The evaluation with its retrieval scored apart and its failures diagnosed."""
    scored = {one.sample_id for one in found.scores}
    samples = [sample for sample in system.samples if sample.id in scored]
    searched = _searched(system.builder, samples)
    reading = _reading(system.samples, corpus)
    prompts = {prompt.sample_id: prompt for prompt in system.prompts}
    retrieval = None
    if isinstance(system.builder, Retrieving) and searched:
        retrieval = retrieval_scores(
            samples,
            searched,
            shown=system.builder.shown,
            relevance=reading.relevance,
            prompts=prompts,
        )
    diagnosis = diagnose(
        found.model_copy(update={"retrieval": retrieval}),
        samples={sample.id: sample for sample in samples},
        prompts=prompts,
        documents=reading,
        metric=metric,
        searched=searched if isinstance(system.builder, Retrieving) else None,
    )
    return found.model_copy(update={"retrieval": retrieval, "diagnosis": diagnosis})


def _searched(builder: PromptBuilder, samples: Sequence[Sample]) -> Mapping[str, Sequence[Hit]]:
    """What was found for each sample, deeper than a prompt shows."""
    if not isinstance(builder, Retrieving):
        return {}
    return {sample.id: builder.hits(sample, DEPTH) for sample in samples}
