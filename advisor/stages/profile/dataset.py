"""Facts that the samples themselves tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from statistics import median

from advisor.data_check.duplicates import duplicate_share
from advisor.data_check.lengths import estimated_tokens
from advisor.data_check.normal import normalise
from advisor.schema.evaluation import Document, Sample
from advisor.schema.labels import are_labels
from advisor.schema.profile import DataFacts, KnowledgeFacts, TaskKind

EXTRACTION_SHARE = 0.9
SHORT_TARGET = 80
_PART = re.compile(r"#\d+$")
"""Characters up to which a target found in its input is an extract, not a copy."""


def measure_data(samples: Sequence[Sample], *, placed: Sequence[Sample] | None = None) -> DataFacts:
    """Counts, balance and lengths of the samples; all unknown without samples.

    `placed` are the samples as split and limited for use. Counts are those of all samples; what
    bears on the advice (labels, balance, lengths) leaves the test split out, whose answers nobody
    may look at before measuring, and is unknown where there is no other.
    """
    if not samples:
        return DataFacts()
    used = samples if placed is None else placed
    splits = Counter(sample.split for sample in used)
    are_split = None not in splits
    counts = DataFacts(
        labelled_samples=sum(_is_labelled(sample) for sample in samples),
        preference_pairs=sum(sample.rejected is not None for sample in samples) or None,
        rated_answers=sum(sample.is_good is not None for sample in samples) or None,
        unlabelled_tokens=_plain_tokens(samples) or None,
        train_samples=splits["train"] if are_split else None,
        dev_samples=splits["dev"] if are_split else None,
        test_samples=splits["test"] if are_split else None,
        duplicate_share=duplicate_share(tuple(samples)),
    )
    answers = [s for s in used if s.split != "test" and _is_labelled(s)]
    return counts.model_copy(update=_shape(answers))


def _is_labelled(sample: Sample) -> bool:
    """Whether something is asked, and the answer not marked as bad."""
    return bool(sample.input.strip()) and sample.is_good is not False


def _plain_tokens(samples: Sequence[Sample]) -> int:
    """Estimated tokens of the samples that ask nothing."""
    return sum(estimated_tokens(s.target) for s in samples if not s.input.strip())


def _shape(samples: Sequence[Sample]) -> dict[str, float | None]:
    """Labels, balance and lengths as fields of `DataFacts`; none without samples."""
    if not samples:
        return {}
    targets = Counter(normalise(sample.target) for sample in samples)
    return {
        "classes": len(targets) if are_labels(targets) else None,
        "majority_share": max(targets.values()) / len(samples),
        "answer_in_input_share": sum(map(_answer_in_input, samples)) / len(samples),
        "median_input_characters": median(len(sample.input) for sample in samples),
        "median_target_characters": median(len(sample.target) for sample in samples),
    }


def _answer_in_input(sample: Sample) -> bool:
    """The target stands in the input as whole words, after normalising."""
    target, text = normalise(sample.target), normalise(sample.input)
    if target not in text:
        return False
    return re.search(rf"(?<!\w){re.escape(target)}(?!\w)", text) is not None


def guess_kind(data: DataFacts) -> TaskKind | None:
    """The kind of task the data looks like; None when it does not show."""
    if data.classes is not None and data.classes >= 2:
        return "classification"
    share, length = data.answer_in_input_share, data.median_target_characters
    if share is None or length is None:
        return None
    return "extraction" if share >= EXTRACTION_SHARE and length <= SHORT_TARGET else None


def guess_answer_in_input(data: DataFacts) -> bool | None:
    """True where reference answers look copied out of their inputs; None where it does not show.

    A low share proves nothing: an answer can follow from the input without standing in it. Nor does
    a label whose word happens to stand in every input.
    """
    return True if guess_kind(data) == "extraction" else None


def measure_documents(documents: Sequence[Document]) -> KnowledgeFacts:
    """How many documents there are, how long and of which kinds; unknown without documents."""
    if not documents:
        return KnowledgeFacts()
    return KnowledgeFacts(
        documents=len(documents),
        document_characters=sum(len(document.text) for document in documents),
        document_formats=_formats(documents),
    )


def _formats(documents: Sequence[Document]) -> str | None:
    """File endings, the most frequent first, equally frequent ones by name."""
    files = (_PART.sub("", document.name) for document in documents)
    endings = Counter(PurePath(file).suffix.lower().lstrip(".") for file in files)
    ranked = sorted((name for name in endings if name), key=lambda name: (-endings[name], name))
    return ", ".join(ranked) or None
