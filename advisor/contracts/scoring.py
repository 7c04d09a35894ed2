"""What scores answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # what the methods take and give: a start needs none of it
    from collections.abc import Mapping, Sequence

    from advisor.schema.evaluation import Completion, Prompt, Sample, Score
    from advisor.schema.plugin import MetricInfo


@runtime_checkable
class Metric(Protocol):
    """Scores one completion between 0 and 1."""

    @property
    def info(self) -> MetricInfo:
        """What the plugin says of itself; cheap."""

    def score(self, prompt: Prompt, completion: Completion, sample: Sample) -> Score:
        """The score; an empty completion scores, it does not raise."""


@runtime_checkable
class Signed(Protocol):
    """What a metric may offer beside scoring: everything that decides its values."""

    @property
    def signature(self) -> str:
        """Options, normalisation and versions in one line, in the manner of sacrebleu."""


@runtime_checkable
class Totalling(Protocol):
    """What a metric may offer whose value is no mean of samples (BLEU, macro F1).

    Its `score` fills `Score.totals`; the whole is a function of their sum.
    """

    def value_of(self, totals: Mapping[str, float]) -> float:
        """The metric, from 0 to 1, for the summed totals of some samples."""


@runtime_checkable
class Judging(Protocol):
    """What a metric may offer that must ask a model: the questions first, the score after."""

    def questions(
        self, prompt: Prompt, completion: Completion, sample: Sample
    ) -> tuple[Prompt, ...]:
        """What the judge is to be asked about one completion; none where nothing is to ask."""

    def judged(
        self, answers: Sequence[Completion], completion: Completion, sample: Sample
    ) -> Score:
        """The score, once the questions have been answered in order."""
