"""What answers: opened models, prompt builders, predictors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:  # what the methods take and give: a start needs none of it
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from advisor.contracts.training import Method
    from advisor.contracts.world import Tools
    from advisor.schema.evaluation import Completion, Document, Hit, Prompt, Sample, TriedPrompt
    from advisor.schema.plugin import PluginInfo


@runtime_checkable
class Session(Protocol):
    """An opened model."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    @property
    def model_digest(self) -> str:
        """Digest that changes with the weights."""

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order; a prompt that fails carries its error."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without special tokens."""


@runtime_checkable
class Restoring(Protocol):
    """What a backend may offer that also opens what tuning methods keep in a form of their own."""

    def restoring(self, method: Callable[[str], Method]) -> Self:
        """The same backend, able to ask for a method by its name; see `Keeping.restore`."""


@runtime_checkable
class Streaming(Protocol):
    """What a session may offer beside `generate`: answers one by one, as they come."""

    @property
    def window(self) -> int:
        """Prompts that are best given together: enough to sort by length or to keep calls going."""

    def answers(
        self, prompts: Iterable[Prompt], *, max_new_tokens: int
    ) -> Iterator[tuple[Prompt, Completion]]:
        """Each prompt with its completion, in any order.

        The next prompt is taken when there is room for it, so that whoever hands them out can stop.
        A prompt that fails comes back with its error; bad credentials and the like are raised.
        """

    @property
    def events(self) -> Mapping[str, int]:
        """What has happened so far beyond answering: retries by cause, another model."""


@runtime_checkable
class Reading(Protocol):
    """What a session may offer that shows how it reads a prompt and where it stops."""

    def prompt_text(self, prompt: Prompt) -> str:
        """The prompt as the model reads it: chat template, special tokens and all."""

    @property
    def ends(self) -> frozenset[str]:
        """Texts of the tokens that end an answer."""


@runtime_checkable
class Likelihood(Protocol):
    """What a session may offer that can say how surprised the model is by a text."""

    def losses(self, samples: Sequence[Sample]) -> list[float | None]:
        """Mean loss of each sample in nats per token; None without a token to predict.

        Of its target after its input and history, or of its whole text where it has no input.
        """


@runtime_checkable
class ModelBackend(Protocol):
    """Opens models of one kind."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    def open(self, model: str, settings: dict[str, str]) -> Session:
        """Open a model; raises BackendError or MissingExtraError."""


@runtime_checkable
class Deciding(Protocol):
    """What a backend may offer beside opening: which of its settings change answers.

    Of a backend that does not say, every setting counts, so that another number of attempts buys
    every kept answer again.
    """

    def deciding(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Those of the settings that change answers, with what holds where one is not given.

        Cheap: no model is opened and no heavy library imported. What the session's `model_digest`
        tells already may be left out.
        """


@runtime_checkable
class PromptBuilder(Protocol):
    """Turns a sample into a prompt; sees the train split only and never the sample's target."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    def fit(
        self,
        train: Sequence[Sample],
        dev: Sequence[Sample],
        corpus: Sequence[Document],
        tools: Tools,
    ) -> None:
        """Prepare: choose shots, index the corpus; never sees the test split."""

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample."""


@runtime_checkable
class Searching(Protocol):
    """What a prompt builder may offer that asks the model under test while it is fitted."""

    def calls_wanted(self, train: Sequence[Sample], dev: Sequence[Sample]) -> int:
        """Prompts it asks at most; known before anything is spent. `fit` keeps to it."""


@runtime_checkable
class Telling(Protocol):
    """What a prompt builder may offer that chose something while it was fitted."""

    @property
    def story(self) -> tuple[str, ...]:
        """What was tried on the dev part and what was chosen, in sentences."""

    @property
    def trace(self) -> tuple[TriedPrompt, ...]:
        """The prompts that were tried; empty where it chose something else."""


@runtime_checkable
class Retrieving(Protocol):
    """What a prompt builder may offer that retrieves, so that finding is scored apart."""

    @property
    def shown(self) -> int:
        """Passages that a prompt shows at most."""

    def hits(self, sample: Sample, k: int) -> list[Hit]:
        """What is found for a sample, best first, at most k; the prompt shows the first of them."""


@runtime_checkable
class Predictor(Protocol):
    """Answers samples by what it learnt from labelled ones; no prompt, no language model."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    def fit(self, train: Sequence[Sample], dev: Sequence[Sample], tools: Tools) -> None:
        """Learn anew from these samples alone; never sees the test split."""

    def predict(self, samples: Sequence[Sample]) -> list[Completion]:
        """One answer per sample, in order, without a look at its target."""
