"""What a run works with, fetched once: rules, catalog, data, documents, model, plugins.

`pipeline` knows the order of the stages; this module knows where their ingredients come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from advisor import registry
from advisor.artifacts import RunFolder, digest_of, digest_of_tree
from advisor.catalog.query import LOCAL, find_gpu, find_model
from advisor.contracts import (
    Embedder,
    Emit,
    Metric,
    Progress,
    Retriever,
    Session,
    Trainer,
)
from advisor.data_check.split import limit_note, limit_test, marked_bad_note, split_recorded
from advisor.embedding import run_embedder, vectors_root
from advisor.errors import DatasetError, InputError, UnknownModelError
from advisor.evaluation.purse import Pot
from advisor.formats.documents import read_corpus
from advisor.formats.readers import read_dataset
from advisor.interview.answers import load_profile
from advisor.kept_settings import read_json_schema
from advisor.resources import embedded_model_root, rules_root
from advisor.rulebook.load import load_rulebook
from advisor.schema.catalog import ModelCard
from advisor.schema.dataset import Corpus, Dataset
from advisor.schema.evaluation import Document, Sample
from advisor.schema.profile import Profile
from advisor.schema.rule import Rulebook
from advisor.schema.run import EMBEDDED_MODEL, RunSettings
from advisor.schema.split import SplitRecord
from advisor.small_model_run import encoder_card, encoder_of, suited, tunes_encoder
from advisor.systems import System, check_options, systems
from advisor.tools import Silence, Tools, ignore_event, say_nothing
from advisor.training_log import TrainingLog

JUDGE = "judge."
DEFAULT_METRIC = "exact_match"
DEFAULT_INSTRUCTION = "Answer the request."
DEFAULT_TEST_LIMIT = 250


def model_path(model: str) -> str:
    """The folder or id a backend opens: `tiny` is the embedded model."""
    return str(embedded_model_root()) if model == EMBEDDED_MODEL else model


class Workspace:
    """The ingredients of one run, each fetched when first asked for."""

    def __init__(
        self,
        settings: RunSettings,
        folder: RunFolder,
        *,
        progress: Progress | None = None,
        emit: Emit = ignore_event,
        say: Callable[[str], None] = say_nothing,
    ) -> None:
        self.settings = suited(settings)
        self.folder = folder
        self.progress = progress or Silence()
        self.emit = emit
        self.say = say
        """Where a sentence goes that a person should read before something happens."""
        self.is_training = False
        """A trainer is at work: a signal then asks it to stop, instead of breaking it off."""
        self.is_stopping = False
        """Somebody asked the trainer to stop at the next safe point."""
        self.log: TrainingLog | None = None
        """The record of the training at work, or of one that was broken off."""

    @cached_property
    def answers(self) -> Profile:
        """What the user answered, with the settings of this run on top."""
        path = self.settings.answers
        base = load_profile(Path(path)) if path else Profile()
        task = {
            key: value
            for key, value in (
                ("instruction", self.settings.instruction),
                ("metric", self.settings.metric),
                ("target", self.settings.target),
            )
            if value is not None
        }
        limits = {
            key: value
            for key, value in (
                ("budget_usd", self.settings.budget_usd),
                ("max_hours", self.settings.max_hours),
            )
            if value is not None
        }
        return base.model_copy(
            update={
                "name": self.settings.name,
                "task": base.task.model_copy(update=task),
                "constraints": base.constraints.model_copy(update=limits),
            }
        )

    @cached_property
    def rulebook(self) -> Rulebook:
        """The rules in force, with the user's policy applied."""
        policy = self.settings.policy
        return load_rulebook(rules_root(), Path(policy) if policy else None)

    @cached_property
    def catalog_digest(self) -> str:
        """Digest over prices, cards, stacks and recipes."""
        root = rules_root()
        return digest_of([digest_of_tree(root / "catalog"), digest_of_tree(root / "recipes")])

    @cached_property
    def dataset(self) -> Dataset | None:
        """The user's data, or None when there is none."""
        return self._read(self.settings.data) if self.settings.data else None

    def _read(self, data: str) -> Dataset:
        return read_dataset(Path(data), mapping=self.settings.mapping)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """All samples with their split; the test split cut to the run's limit.

        Raises DatasetError when there is no data or no test split is possible.
        """
        if self.dataset is None:
            raise DatasetError(
                "No data was given, so nothing can be measured.",
                hint="Name a file with --data FILE (JSONL, JSON, CSV or TSV).",
            )
        limit = self.settings.limit or DEFAULT_TEST_LIMIT
        return limit_test(self._split_samples, limit=limit, seed=self.settings.seed)

    @cached_property
    def _split(self) -> tuple[tuple[Sample, ...], SplitRecord]:
        every = self.dataset.samples if self.dataset else ()
        samples = tuple(sample for sample in every if sample.is_good is not False)
        chosen = self.settings
        return split_recorded(samples, seed=chosen.seed, by=chosen.split_by)

    @property
    def _split_samples(self) -> tuple[Sample, ...]:
        return self._split[0]

    @property
    def split_record(self) -> SplitRecord:
        """How the samples were parted; raises as `samples` does."""
        return self._split[1]

    @cached_property
    def corpus(self) -> Corpus | None:
        """The user's documents and what was left out of them, or None when none were given."""
        docs = self.settings.docs
        return read_corpus(Path(docs), registry.readers()) if docs else None

    @property
    def documents(self) -> tuple[Document, ...]:
        """The user's documents; none when none were given."""
        return self.corpus.documents if self.corpus else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the readers of data and documents remarked."""
        data: tuple[str, ...] = ()
        if self.dataset:
            data = (
                *self.dataset.notes,
                *marked_bad_note(self.dataset.samples),
                *self.split_record.notes,
                *limit_note(self._split_samples, self.samples),
            )
        return data + (self.corpus.notes if self.corpus else ())

    def check(self) -> None:
        """Look at everything the settings name, so that a mistake is told before any work.

        Raises UnknownPluginError, PluginContractError, UnknownGpuError, UnknownModelError,
        RulebookError, ProfileError, DatasetError and CorpusError.
        """
        self._look_up_plugins()
        self.metric, self.also, self.json_schema  # noqa: B018 - their options are checked
        if not self.is_service:
            find_model(self.settings.model)
        if self.settings.gpu != LOCAL:
            find_gpu(self.settings.gpu)
        if self.rulebook and self.dataset:
            self.corpus  # noqa: B018 - read now, kept for later

    def _look_up_plugins(self) -> None:
        for group, names in (
            ("advisor.backends", (self.settings.backend,)),
            ("advisor.methods", self.settings.methods),
            ("advisor.metrics", (self.metric_name, *self.settings.also)),
            ("advisor.trainers", (self.settings.trainer,)),
        ):
            for name in names:
                registry.get(group, name)
        check_options(self.settings.builders, self.settings.builder_options)
        self.retriever, self.embedder  # noqa: B018 - their names and options are checked

    @property
    def is_service(self) -> bool:
        """Whether the model is asked over a network rather than opened on this machine."""
        return registry.backend(self.settings.backend).info.spends_money

    @cached_property
    def card(self) -> ModelCard | None:
        """What the catalog knows of the model; None for a service's model that it does not know.

        Raises UnknownModelError for an unknown model of this machine.
        """
        try:
            return find_model(self.settings.model)
        except UnknownModelError:
            if self.is_service:
                return None
            raise

    def tune_as(self, settings: RunSettings) -> None:
        """From here on tune as these settings say; what is measured stays as it is."""
        self.settings = suited(settings)
        for name in ("trainer", "tuned_card", "tuned_path"):
            self.__dict__.pop(name, None)

    @property
    def tunes_encoder(self) -> bool:
        """Whether an encoder is tuned rather than the model that is prompted."""
        return tunes_encoder(self.settings)

    @cached_property
    def tuned_card(self) -> ModelCard | None:
        """What the catalog knows of the model that training tunes."""
        return encoder_card(self.settings) if self.tunes_encoder else self.card

    @cached_property
    def tuned_path(self) -> str:
        """The folder or id of the model that training tunes."""
        return str(encoder_of(self.settings)) if self.tunes_encoder else self.model_path

    @cached_property
    def pot(self) -> Pot:
        """The money for everything this command asks of paid models."""
        return Pot(self.settings.budget_usd)

    @cached_property
    def instruction(self) -> str:
        """The system turn of every prompt."""
        return self.answers.task.instruction or DEFAULT_INSTRUCTION

    @cached_property
    def metric_name(self) -> str:
        """The metric that scores completions."""
        return self.answers.task.metric or DEFAULT_METRIC

    @cached_property
    def metric(self) -> Metric:
        """The metric plugin, with its options."""
        return registry.configured_metric(self.metric_name, self._metric_options)

    @cached_property
    def also(self) -> tuple[Metric, ...]:
        """The metrics beside the main one."""
        options, names = self._metric_options, self.settings.also
        return tuple(registry.configured_metric(n, options, beside=True) for n in names)

    @property
    def _metric_options(self) -> dict[str, str]:
        """The user's, and which model judges: it stands in the judge's signature."""
        judge = self.settings.judge_model
        named = {"judge.model": judge} if judge else {}
        return named | self.settings.metric_options

    @cached_property
    def json_schema(self) -> str:
        """The JSON schema that answers must follow, as text; empty for none.

        Raises InputError when the file is missing or holds no JSON object.
        """
        name = self.settings.json_schema
        return read_json_schema(name) if name else ""

    def backend_settings(
        self, *, base_url: str | None = None, is_judge: bool = False
    ) -> dict[str, str]:
        """What a backend is told when it opens the model under test, or the judge."""
        chosen = self.settings
        wanted = {
            "base_url": base_url,
            "concurrency": chosen.concurrency,
            "requests_per_minute": chosen.requests_per_minute,
            "timeout_seconds": chosen.timeout_seconds,
            "batch_size": chosen.batch_size,
            "seed": chosen.seed,
        }
        told = {key: str(value) for key, value in wanted.items() if value is not None}
        return told | self.backend_options(is_judge=is_judge)

    def backend_options(self, *, is_judge: bool = False) -> dict[str, str]:
        """The user's options for one of the two: `judge.KEY` is the judge's, never the other's.

        A key that was named for one service must not reach another.
        """
        options = self.settings.backend_options.items()
        if is_judge:
            return {k.removeprefix(JUDGE): v for k, v in options if k.startswith(JUDGE)}
        return {key: value for key, value in options if not key.startswith(JUDGE)}

    @cached_property
    def trainer(self) -> Trainer:
        """The trainer plugin."""
        return registry.trainer(self.settings.trainer)

    @cached_property
    def model_path(self) -> str:
        """What the backend opens."""
        return model_path(self.settings.model)

    @cached_property
    def model_digest(self) -> str:
        """Digest over a local model folder, or the reference itself."""
        path = Path(self.model_path)
        if path.is_dir():
            return digest_of_tree(path)
        return digest_of([self.model_path, self.settings.base_url or ""])

    def builders(self, names: Sequence[str]) -> dict[str, System]:
        """Fresh systems to measure, in the order of their names, with their options."""
        has_documents = bool(self.settings.docs)
        return systems(names, self.settings.builder_options, has_documents=has_documents)

    def open_session(self) -> Session:
        """The model under test, opened."""
        settings = self.backend_settings(base_url=self.settings.base_url)
        if self.json_schema:
            settings["json_schema"] = self.json_schema
        return registry.backend(self.settings.backend).open(self.model_path, settings)

    @cached_property
    def embedder(self) -> Embedder:
        """What turns texts into vectors, for everything in the run; it keeps them."""
        chosen = self.settings
        folder = vectors_root() if chosen.use_cache else None
        named = (chosen.embedder, chosen.embedder_base_url)
        return run_embedder(*named, folder, self.progress, self.say)

    @property
    def retriever(self) -> Retriever | None:
        """The retriever that the run names, fresh; None leaves the choice to the builder."""
        chosen = self.settings
        if chosen.retriever is None:
            if chosen.retriever_options:
                raise InputError(
                    "--retriever-option says nothing without --retriever.",
                    hint="Name the retriever, for example --retriever hybrid.",
                )
            return None
        return registry.configured_retriever(chosen.retriever, chosen.retriever_options)

    def tools(self, *, max_hours: float | None = None) -> Tools:
        """What plugins are handed; `max_hours` counts from now."""
        return Tools(
            seed=self.settings.seed,
            instruction=self.instruction,
            cache_dir=self.folder.path / "cache",
            progress=self.progress,
            emit=self.emit,
            embedder=self.embedder,
            retriever=self.retriever,
            max_hours=max_hours,
            stop_asked=lambda: self.is_stopping,
        )

    def data_inputs(self) -> dict[str, str]:
        """Digests of the outside inputs that samples depend on."""
        limit = self.settings.limit or DEFAULT_TEST_LIMIT
        chosen = self.settings
        inputs = {"split": f"seed {chosen.seed}, limit {limit}, by {chosen.split_by}"}
        if chosen.mapping:
            inputs["mapping"] = digest_of(chosen.mapping)
        if self.dataset is not None:
            inputs["data"] = self.dataset.digest
        if self.settings.docs:
            inputs["docs"] = digest_of([d.model_dump() for d in self.documents])
        return inputs
