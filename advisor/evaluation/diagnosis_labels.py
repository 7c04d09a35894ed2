"""Whether targets are labels, and what answers are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from advisor.contracts import Metric
from advisor.evaluation.diagnosis_form import json_of
from advisor.evaluation.diagnosis_words import figures, label_form, stands_in
from advisor.schema.evaluation import Document, Prompt, Sample
from advisor.schema.relevance import Relevance

LABEL_METRICS = ("accuracy", "macro_f1", "micro_f1")
"""Metrics that take targets for labels."""
FEWEST_FOR_LABELS = 6
"""Questions from which targets that stand often show that they are labels."""
LONGEST_LABEL = 12
"""Words of a label."""
TIMES = 3
"""Questions there must be to each label on average."""
NO_LABEL = "the answer is none of the labels; answer with one of the labels"


def labels_of(
    metric: Metric, samples: Sequence[Sample], documents: Sequence[Document]
) -> frozenset[str]:
    """The labels there are, in their form; none where targets are free.

    A metric of labels says so. Else targets are labels that each answer several questions, are not
    mostly figures, and do not mostly stand in documents: those would be facts asked for often.
    """
    asked = [s for s in samples if s.target.strip() and json_of(s.target) is None]
    kinds = Counter(label_form(s.target) for s in {(s.input, s.target): s for s in asked}.values())
    del kinds[""]
    if metric.info.id in LABEL_METRICS:
        return frozenset(kinds) | {label_form(name) for name in getattr(metric, "labels", ())}
    if not kinds or max(len(target.split()) for target in kinds) > LONGEST_LABEL:
        return frozenset()
    is_few = kinds.total() >= FEWEST_FOR_LABELS and TIMES * len(kinds) <= kinds.total()
    is_figure = sum(bool(figures(target.split())) for target in kinds) > len(kinds) / 2
    if not is_few or is_figure:
        return frozenset()
    return frozenset() if _are_facts(asked, documents) else frozenset(kinds)


def _are_facts(asked: Sequence[Sample], documents: Sequence[Document]) -> bool:
    """Whether most different targets of more than one word stand in a document as they are."""
    each = {s.target: s for s in asked if len(s.target.split()) > 1}
    if 2 * len(each) <= len({s.target for s in asked}) or not documents:
        return False
    free = [s.model_copy(update={"document": "", "is_answerable": None}) for s in each.values()]
    relevance = Relevance(free, documents)
    return 2 * sum(bool(relevance.by(s)) for s in free) > len(free)


def names_no_label(
    answer: str, sample: Sample, prompt: Prompt | None, labels: frozenset[str]
) -> bool:
    """Whether an answer holds no label, neither of the targets nor of those the prompt lists."""
    said = label_form(answer).split()
    if any(stands_in(label.split(), said) >= 0 for label in labels):
        return False
    told = (message.content for message in prompt.messages) if prompt is not None else ()
    return not any(answer.strip() in text.replace(sample.input, "\0") for text in told)
