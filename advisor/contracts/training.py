"""What tunes a model: methods, objectives, trainers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:  # what the methods take and give: a start needs none of it
    from collections.abc import Sequence
    from pathlib import Path

    from advisor.contracts.world import Tools
    from advisor.schema.catalog import ModelCard
    from advisor.schema.evaluation import Sample
    from advisor.schema.machine import MachineFacts
    from advisor.schema.plan import Footprint, ObjectiveFootprint, Obstacle, Plan
    from advisor.schema.plugin import MethodInfo, PluginInfo, TrainerInfo
    from advisor.schema.trace import Trace
    from advisor.schema.train import TrainJob, TrainResult


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


class Applied(NamedTuple):
    """A model that a method has been put on."""

    model: Any
    """The torch model whose trained parameters, and no others, require gradients."""
    rates: Mapping[str, float] = {}
    """Part of a parameter's name -> times the learning rate (LoRA+: {"lora_B": 16.0})."""
    notes: tuple[str, ...] = ()


@runtime_checkable
class Applying(Protocol):
    """What a method may offer that engines of this machine train: itself put on a torch model."""

    def apply(self, model: Any, plan: Plan) -> Applied:
        """The method put on an opened base, whose `plan.objective` says what head it has.

        Raises PlanError for values that the model or the library refuses.
        """


@runtime_checkable
class Keeping(Protocol):
    """What a method may offer whose weights no library saves and opens by itself."""

    def keep(self, model: Any, folder: Path) -> None:
        """Write what was trained, and nothing of the base, into an empty folder."""

    def restore(self, model: Any, folder: Path) -> Any:
        """The base with what was kept put on again.

        Raises ModelFolderError where the folder does not fit the base.
        """


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


class Bill(NamedTuple):
    """What is known beforehand of what a trainer's service will ask for a job."""

    host: str
    """Whom the money goes to."""
    model: str
    """The model that is tuned, by that host's name of it."""
    epochs: float
    """Passes over the training samples that are billed."""
    usd_per_million_tokens: float | None = None
    """Of training, where the user stated it."""


@runtime_checkable
class Reporting(Protocol):
    """What a trainer may offer that reports to trackers: which it knows and finds here."""

    def check_trackers(self, names: Sequence[str]) -> None:
        """Raise InputError for an unknown tracker, MissingProgramError for one that is missing."""


@runtime_checkable
class Billing(Protocol):
    """What a trainer may offer that spends money: whom it will pay for what."""

    def bill(self, plan: Plan) -> Bill | None:
        """What a job of this plan will be billed for; None where it will ask for nothing.

        Raises PlanError for options that cannot be used.
        """


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
