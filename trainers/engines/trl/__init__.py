"""TRL's trainers on this machine: every objective with every method that can be put on a model."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from advisor.contracts import Tools, TrainerInfo
from advisor.errors import MissingExtraError
from advisor.schema.catalog import ModelCard
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.trace import Trace
from advisor.schema.train import TrainEvent, TrainJob, TrainResult
from trainers.engines.ledger import Ledger
from trainers.engines.lock import alone_in
from trainers.engines.trl.quiet import quiet
from trainers.engines.trl.taken import accepted
from trainers.engines.trl.trackers import check_trackers

NEEDED = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "psutil")
TRACED = ("torch", "transformers", "peft", "trl", "accelerate")


OBJECTIVES = ("sft", "cpt", "dpo", "orpo", "kto", "reward", "grpo")


class TrlTrainer:
    """The default engine; torch is imported when training begins and not before."""

    info = TrainerInfo(
        id="trl",
        label="TRL on this machine",
        extra="train",
        pairs=tuple((objective, "*") for objective in OBJECTIVES),
    )

    def train(self, job: TrainJob, tools: Tools) -> TrainResult:
        """Train, or continue, or hand back the stored result of this very job.

        When `job.resume` is set, a finished job whose files are whole is not trained again, and an
        interrupted one continues from its newest whole checkpoint; what another job has left in the
        same folder stays as it is, and is told. Raises PlanError, MissingExtraError, DatasetError,
        ModelFolderError, OutOfMemoryError, NonFiniteLossError, StorageError, TrainingError when
        another process trains in the folder, and KeyboardInterrupt when `tools.should_stop()`
        asked for it (a checkpoint is then in place).
        """
        notes = accepted(job.plan, tools)
        ledger = Ledger(job, self.info.id)
        stored = ledger.finished()
        if stored is not None:
            ledger.tidy()
            tools.emit(TrainEvent(kind="end", step=stored.steps, total_steps=stored.steps))
            return stored
        _require_extras(job.plan)
        check_trackers(job.report_to)
        for note in notes:
            tools.emit(TrainEvent(kind="note", message=note))
        if job.plan.gpus > 1:
            from trainers.engines.trl.together import together  # noqa: PLC0415 - seldom needed

            return together(job, tools, ledger)
        with alone_in(ledger.shared), quiet():
            from trainers.engines.trl._run import run  # noqa: PLC0415 - delays torch

            return ledger.finished() or run(job, tools, ledger)

    def check_trackers(self, names: Sequence[str]) -> None:
        """Raise InputError for an unknown tracker, MissingProgramError for one that is missing."""
        check_trackers(names)

    def row_lengths(self, samples: Sequence[Sample], plan: Plan, instruction: str) -> list[int]:
        """Tokens of every sample as it is trained on, template and end token included.

        Raises MissingExtraError, ModelFolderError and DatasetError.
        """
        if any(find_spec(name) is None for name in ("transformers", "datasets")):
            raise MissingExtraError("Counting tokens with the model's own tokenizer", "train")
        with quiet():
            from trainers.engines.trl._model import open_tokenizer  # noqa: PLC0415 - delays torch
            from trainers.engines.trl._rows import row_lengths  # noqa: PLC0415 - delays torch

            return row_lengths(samples, instruction, open_tokenizer(plan))

    def trace(self, plan: Plan, model: ModelCard) -> Trace:
        """Memory of the plan's step, followed on tensors without content: no weights, no GPU.

        The real layers, adapters and optimizer run in another process and are counted; 4-bit
        weights are a closed form. Raises MissingExtraError, and TrainingError with the reason for
        a plan that cannot be followed.
        """
        _require(TRACED, "Following a plan's step")
        from trainers.engines.trl.tracing import traced  # noqa: PLC0415 - few commands need it

        return traced(plan, model)

    def probe(self, plan: Plan, model: ModelCard) -> Trace:
        """Two real steps on a full batch on this machine's GPU, with random weights if need be.

        Raises MissingExtraError, OutOfMemoryError when the step needs more than the GPU has, and
        TrainingError with the reason, also where there is no GPU.
        """
        _require(TRACED, "Probing a plan")
        from trainers.engines.trl.tracing import probed  # noqa: PLC0415 - few commands need it

        return probed(plan, model)


def _require(names: tuple[str, ...], what: str) -> None:
    if any(find_spec(name) is None for name in names):
        raise MissingExtraError(what, "train")


def _require_extras(plan: Plan) -> None:
    _require(NEEDED, "Training with TRL")
    if find_spec("bitsandbytes") is None:
        if plan.method == "qlora" or plan.base_bits in (4, 8):
            raise MissingExtraError("Training on a quantised base", "qlora")
        if any(mark in plan.optimizer for mark in ("8bit", "paged_", "bnb")):
            raise MissingExtraError(f"The optimizer '{plan.optimizer}'", "qlora")
