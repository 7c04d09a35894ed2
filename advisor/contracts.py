"""What a plugin must be able to do: structural protocols, nothing to inherit.

A plugin is a class or object named by an entry point (`GROUPS`). `info` is cheap and
imports nothing heavy. The conformance suites under `tests/conformance/` state the promises behind
each protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from advisor.schema.plugin import MethodInfo, MetricInfo, PluginInfo, TrainerInfo

if TYPE_CHECKING:  # what the methods take and give; a start needs only what a plugin says of itself
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from advisor.schema.catalog import ModelCard
    from advisor.schema.dataset import ReadDocuments
    from advisor.schema.evaluation import Completion, Document, Hit, Passage, Prompt, Sample, Score
    from advisor.schema.machine import MachineFacts
    from advisor.schema.plan import Footprint, ObjectiveFootprint, Obstacle, Plan
    from advisor.schema.trace import Trace
    from advisor.schema.train import TrainEvent, TrainJob, TrainResult

__all__ = [
    "GROUPS",
    "Arraying",
    "Asymmetric",
    "Clock",
    "Configurable",
    "Deciding",
    "DocumentReader",
    "Embedder",
    "Emit",
    "Equipped",
    "Filtering",
    "Judging",
    "Method",
    "MethodInfo",
    "Metric",
    "MetricInfo",
    "ModelBackend",
    "ModelUnderTest",
    "Objective",
    "PluginInfo",
    "Predictor",
    "Progress",
    "PromptBuilder",
    "Retriever",
    "Retrieving",
    "RowMeter",
    "Searching",
    "Session",
    "Signed",
    "Streaming",
    "Tools",
    "Totalling",
    "Tracer",
    "Trainer",
    "TrainerInfo",
    "Updating",
    "Windowed",
]


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


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length 1 per text, in order."""


@runtime_checkable
class Arraying(Protocol):
    """What an embedder may offer beside lists: a numpy array, for many texts."""

    def array(self, texts: Sequence[str]) -> Any:
        """float32, one row of length 1 per text, in order."""


@runtime_checkable
class Asymmetric(Protocol):
    """What an embedder may offer that reads a question otherwise than a passage (E5, BGE).

    `embed` and `array` are then for passages, and for texts compared among themselves.
    """

    def array_queries(self, texts: Sequence[str]) -> Any:
        """As `array`, for texts that are searched with."""


@runtime_checkable
class Windowed(Protocol):
    """What an embedder may offer that can say how much of a text it reads."""

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that it reads, its own marks left out; None where nobody knows."""

    @property
    def tokenizer(self) -> Any:
        """A `tokenizers.Tokenizer` that neither cuts nor pads, or None."""

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, its own marks left out; an estimate where it has no tokenizer."""


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

    def should_stop(self) -> bool:
        """Whether to stop at the next safe point."""


@runtime_checkable
class Method(Protocol):
    """Which weights are tuned and how; free of torch."""

    @property
    def info(self) -> MethodInfo:
        """What the plugin says of itself; cheap."""

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """What the method costs in memory and compute; pure."""

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Why the plan cannot run well on the machine; never raises."""


@runtime_checkable
class Objective(Protocol):
    """What is optimised, and the data it needs."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """What the objective adds to memory and work; pure."""

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """Why these samples cannot serve the objective; never raises."""


@runtime_checkable
class Trainer(Protocol):
    """An engine: takes a job, writes only under `job.output_dir`, returns what it measured."""

    @property
    def info(self) -> TrainerInfo:
        """What the plugin says of itself; cheap."""

    def train(self, job: TrainJob, tools: Tools) -> TrainResult:
        """Train; raises MissingExtraError, TrainingError, StorageError."""


@runtime_checkable
class RowMeter(Protocol):
    """What a trainer may offer beside training: how long its training rows are."""

    def row_lengths(self, samples: Sequence[Sample], plan: Plan, instruction: str) -> list[int]:
        """Tokens of every sample as it would be trained on, template and end token included.

        Raises MissingExtraError and ModelFolderError where the tokenizer cannot be opened.
        """


@runtime_checkable
class Tracer(Protocol):
    """What a trainer may offer beside training: a look at a plan's real step."""

    def trace(self, plan: Plan, model: ModelCard) -> Trace:
        """Follow the tensors of one step without weights or GPU.

        Raises MissingExtraError and TrainingError.
        """

    def probe(self, plan: Plan, model: ModelCard) -> Trace:
        """Two real steps on the longest batch, on this machine's GPU.

        Raises MissingExtraError and TrainingError, also where there is no GPU.
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
class Retrieving(Protocol):
    """What a prompt builder may offer that retrieves, so that finding is scored apart."""

    @property
    def shown(self) -> int:
        """Passages that a prompt shows at most."""

    def hits(self, sample: Sample, k: int) -> list[Hit]:
        """What is found for a sample, best first, at most k; the prompt shows the first of them."""


@runtime_checkable
class DocumentReader(Protocol):
    """Reads documents of some kinds."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of file names, with the dot, in lower case."""

    def read(self, path: Path, name: str) -> ReadDocuments:
        """The documents of one file; each one's name is `name`, or begins with `name#`.

        Raises CorpusError for a file that cannot be read as what it says it is, MissingExtraError.
        """


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


@runtime_checkable
class Metric(Protocol):
    """Scores one completion between 0 and 1."""

    @property
    def info(self) -> MetricInfo:
        """What the plugin says of itself; cheap."""

    def score(self, prompt: Prompt, completion: Completion, sample: Sample) -> Score:
        """The score; an empty completion scores, it does not raise."""


@runtime_checkable
class Configurable(Protocol):
    """What a plugin may offer beside its contract: settings of its own.

    --metric-option for metrics, --builder-option for prompt builders and predictors,
    --retriever-option for retrievers; an embedder is told its model, address and batch this way.
    """

    def configured(self, options: Mapping[str, str]) -> Self:
        """The same plugin with these options; raises InputError for an unknown or wrong one."""


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
class Retriever(Protocol):
    """Finds passages for a query, best first, at most k, ties in the order of indexing."""

    @property
    def info(self) -> PluginInfo:
        """What the plugin says of itself; cheap."""

    def index(self, passages: Sequence[Passage]) -> None:
        """Take the passages in; replaces what was there, without doing anything twice."""

    def search(self, query: str, k: int) -> list[Hit]:
        """At most k hits, best first, ties in the order of indexing."""


@runtime_checkable
class Equipped(Protocol):
    """What a retriever may offer that embeds or keeps work: it is handed what the run has."""

    def equipped(self, tools: Tools) -> Self:
        """The same retriever with the run's embedder, cache folder and progress."""


@runtime_checkable
class Filtering(Protocol):
    """What a retriever may offer beside searching everything: passages of some documents only."""

    def search_where(self, query: str, k: int, where: Mapping[str, str]) -> list[Hit]:
        """As `search`, among passages whose metadata has these values; `document` is the name."""


@runtime_checkable
class Updating(Protocol):
    """What a retriever may offer beside indexing anew."""

    def add(self, passages: Sequence[Passage]) -> None:
        """Further passages; one whose id is there already replaces it."""

    def remove(self, document: str) -> int:
        """Take out every passage of a document; how many there were."""


GROUPS: dict[str, type] = {
    "advisor.trainers": Trainer,
    "advisor.methods": Method,
    "advisor.objectives": Objective,
    "advisor.backends": ModelBackend,
    "advisor.prompting": PromptBuilder,
    "advisor.predictors": Predictor,
    "advisor.metrics": Metric,
    "advisor.retrievers": Retriever,
    "advisor.embedders": Embedder,
    "advisor.readers": DocumentReader,
}

Clock = Callable[[], float]
