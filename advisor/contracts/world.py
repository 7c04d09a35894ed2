"""What a plugin is handed from the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what the methods take and give: a start needs none of it
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from advisor.contracts.retrieving import Embedder, Retriever
    from advisor.contracts.training import Method
    from advisor.schema.evaluation import Completion, Prompt, Sample, Score
    from advisor.schema.train import TrainEvent

    Generate = Callable[[Sequence[Prompt], int], list[Completion]]
    """Prompts and the most tokens of an answer, to completions in order."""


class Emit(Protocol):
    """Receives progress; returning is enough."""

    def __call__(self, event: TrainEvent) -> None:
        """Take one event."""


class Progress(Protocol):
    """A line on the screen with rate and remaining time; silent when there is nobody to watch."""

    def start(self, label: str, total: int) -> None:
        """Begin a line of `total` units."""

    def advance(self, count: int = 1) -> None:
        """So many more units are done."""

    def finish(self) -> None:
        """End the line."""


class ModelUnderTest(Protocol):
    """The model that is being measured, for what a plugin may ask of it while it is fitted.

    Answers come through cache and purse, like those of an evaluation.
    """

    @property
    def calls_left(self) -> int:
        """Prompts that may still be asked of it.

        Kept answers count too, so that a search that is repeated takes the same way.
        """

    @property
    def context_tokens(self) -> int | None:
        """Tokens that prompt and answer may have together; None where nobody knows."""

    @property
    def max_new_tokens(self) -> int:
        """Longest answer of an evaluation."""

    @property
    def totals_value(self) -> Callable[[Mapping[str, float]], float] | None:
        """The metric of summed `Score.totals`, where it is no mean of samples; else None."""

    @property
    def metric_signature(self) -> str:
        """Everything that decides the scores: what was chosen by them holds for no other metric."""

    def ask(self, prompts: Sequence[Prompt]) -> list[Completion]:
        """Completions in order, as in an evaluation; fewer when calls or money have run out."""

    def reflect(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """The same of the model that reads failures and writes prompts, which may be another."""

    def score(
        self,
        prompts: Sequence[Prompt],
        completions: Sequence[Completion],
        samples: Sequence[Sample],
    ) -> list[Score]:
        """What the run's metric makes of answers: as many as there are completions."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text by the model's tokenizer, or an estimate from above."""


class Scoring(Protocol):
    """The run's metric, for what a trainer may ask of it; it costs no money."""

    @property
    def metric(self) -> str:
        """Its name."""

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better."""

    def values(self, samples: Sequence[Sample], texts: Sequence[str]) -> list[float]:
        """What each text is worth as an answer to its sample; 0 where it cannot be scored."""

    def dev_value(self, generate: Generate) -> float | None:
        """The metric over answers to dev samples, asked as in verification; None without any.

        The same samples each time, so that two looks can be compared.
        """


class Tools(Protocol):
    """What a plugin needs from the world, handed in so that it imports nothing of ours."""

    @property
    def seed(self) -> int:
        """The run's seed."""

    @property
    def instruction(self) -> str:
        """The system turn of every prompt."""

    @property
    def cache_dir(self) -> Path:
        """A folder where work that can be re-used may be kept."""

    @property
    def progress(self) -> Progress:
        """The line on the screen."""

    @property
    def emit(self) -> Emit:
        """Where training events go."""

    @property
    def embedder(self) -> Embedder:
        """The run's embedder; what it embedded once it keeps."""

    @property
    def retriever(self) -> Retriever | None:
        """The retriever that the run names; None leaves the choice to the builder."""

    @property
    def model(self) -> ModelUnderTest | None:
        """The model being measured; None where nothing may be asked."""

    @property
    def scoring(self) -> Scoring | None:
        """The run's metric; None where there is none, or asking it costs money."""

    def method(self, name: str) -> Method:
        """The tuning method of that name; raises UnknownPluginError."""

    def should_stop(self) -> bool:
        """Whether to stop at the next safe point."""
