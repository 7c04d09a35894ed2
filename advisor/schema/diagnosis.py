"""Why samples failed, told apart by where the fault lies; and how well passages were found."""

from typing import Literal

from pydantic import Field

from advisor.schema.base import ConfidenceInterval, Value

Cause = Literal[
    "not_retrieved",
    "ignored",
    "other_wording",
    "wrong_format",
    "not_in_documents",
    "should_have_declined",
    "declined",
    "no_answer",
    "wrong",
]
"""not_retrieved: the fact stands in a document, in none of the passages shown. ignored: a passage
shown holds it and the answer does not. other_wording: right in other words than the reference.
wrong_format: the right content in a form that was not asked for. not_in_documents: no document
holds the fact. should_have_declined: an answer where there is none. declined: no answer was given
where there is one. no_answer: the model gave nothing. wrong: none of these can be shown."""

CAUSE_WORDS: dict[Cause, str] = {
    "not_retrieved": "fact in a document, not shown",
    "ignored": "passage shown, ignored",
    "other_wording": "right in other words",
    "wrong_format": "right content, wrong format",
    "not_in_documents": "fact in no document",
    "should_have_declined": "answered, should have declined",
    "declined": "declined, could have answered",
    "no_answer": "no answer",
    "wrong": "wrong, cause unknown",
}
"""What every table and sentence calls a cause."""

Lever = Literal[
    "chunking",
    "passages",
    "hybrid",
    "documents",
    "prompt",
    "format",
    "metric",
    "abstention",
    "shots",
    "reader",
    "none",
]
"""What the failures say should be changed first: how documents are cut, how many passages are
shown, how they are searched, the documents themselves, the prompt, a constraint on the format, how
answers are scored, when to decline, shots, the reader (by tuning it), nothing."""


class FailedSample(Value):
    """One failure, to be read."""

    sample_id: str
    cause: Cause
    input: str
    """Cut to a line; secrets masked."""
    expected: str
    got: str
    because: str
    """What was seen that speaks for the cause."""
    where: str = ""
    """Document or passage that holds the fact, where one does."""


class CauseCount(Value):
    """How many samples failed for one cause."""

    cause: Cause
    count: int = Field(ge=0)
    share: float = Field(ge=0, le=1)
    """Of the failures."""


class Diagnosis(Value):
    """The failures of one system, by cause."""

    failures: int = Field(ge=0)
    """Samples below full score."""
    n: int = Field(ge=0)
    """Samples looked at."""
    causes: tuple[CauseCount, ...]
    """Most frequent first; causes that never came up are left out."""
    examples: tuple[FailedSample, ...] = ()
    """A few of each cause."""
    lever: Lever
    sentence: str
    """Which lever the failures point at, in plain words, with the count."""

    def share(self, cause: Cause) -> float:
        """Share of the failures with this cause."""
        return next((each.share for each in self.causes if each.cause == cause), 0.0)


class RetrievalScores(Value):
    """How well passages were found for samples whose right passages are known."""

    n: int = Field(ge=0)
    """Samples with at least one right passage."""
    without: int = Field(default=0, ge=0)
    """Samples for which no passage is known to be right: left out."""
    judged_by: Literal["document", "answer", "mixed"]
    """What makes a passage right: the document the sample names, or the answer standing in it."""
    shown: int = Field(gt=0)
    """Passages that the prompt shows."""
    recall: dict[int, float]
    """By depth: share of samples with a right passage among the first so many."""
    recall_interval: ConfidenceInterval | None = None
    """Of the recall at `shown`."""
    mrr: float
    """Mean of 1 / rank of the first right passage, 0 beyond the depth searched."""
    ndcg: float
    """Normalised discounted cumulative gain at 10."""
