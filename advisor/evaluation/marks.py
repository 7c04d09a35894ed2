"""An answer as a metric is to see it: marks that name passages are no part of what was asked."""

from __future__ import annotations

from advisor.contracts import Metric
from advisor.evaluation.diagnosis_form import declines
from advisor.schema.citing import without_citations
from advisor.schema.evaluation import Completion, Prompt, Sample

CITATIONS = "citations"
"""Stands in `needs` of a metric that reads the marks."""
REFUSAL = "refusal"
"""The metric that reads how an answer declines."""


def as_seen_by(
    metric: Metric, prompt: Prompt, completion: Completion, sample: Sample
) -> Completion:
    """The completion without marks that the metric does not read, and with declines in one form.

    'Paris [1]', where the prompt asked for [1], is then the exact match that 'Paris' is. To a
    question without an answer, 'I do not know.' is as right as the words the data has for that.
    """
    text = completion.text
    if prompt.cites and CITATIONS not in metric.info.needs:
        text = without_citations(text)
    if sample.is_answerable is False and metric.info.id != REFUSAL and declines(text):
        text = sample.target
    return completion if text == completion.text else completion.model_copy(update={"text": text})
