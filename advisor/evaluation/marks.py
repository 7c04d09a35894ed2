"""An answer as a metric is to see it: marks that name passages are no part of what was asked."""

from __future__ import annotations

from advisor.contracts import Metric
from advisor.schema.citing import without_citations
from advisor.schema.evaluation import Completion, Prompt

CITATIONS = "citations"
"""Stands in `needs` of a metric that reads the marks."""


def as_seen_by(metric: Metric, prompt: Prompt, completion: Completion) -> Completion:
    """The completion without [1], [2] where the prompt asked for them and the metric does not.

    'Paris [1]' is then the exact match that 'Paris' is.
    """
    if not prompt.cites or CITATIONS in metric.info.needs:
        return completion
    text = without_citations(completion.text)
    return completion if text == completion.text else completion.model_copy(update={"text": text})
