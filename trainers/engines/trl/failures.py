"""Foreign exceptions of a training run, told in this project's words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from advisor.errors import (
    AdvisorError,
    DatasetError,
    OutOfMemoryError,
    PlanError,
    StorageError,
    TrainingError,
)
from advisor.schema.plan import Plan
from trainers.engines.ledger import storage_error

NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "cublas_status_alloc")
NO_SPACE = (
    "no space left on device",
    "disk quota exceeded",
    "pytorchstreamwriter failed",
    "enospc",
)


def told(error: Exception, plan: Plan, folder: Path) -> AdvisorError:
    """The error of our own tree that says what went wrong and how to mend it."""
    for cause in _chain(error):
        if isinstance(cause, AdvisorError):
            return cause
        if isinstance(cause, OSError) and cause.errno is not None:
            return storage_error(cause, folder)
        text = f"{type(cause).__name__}: {cause}".lower()
        if isinstance(cause, MemoryError) or any(mark in text for mark in NO_MEMORY):
            return _out_of_memory(plan)
        if any(mark in text for mark in NO_SPACE):
            return StorageError(
                "The disk is full: a checkpoint could not be written.",
                hint="Free some space and run the same command again; it continues.",
                where=str(folder),
            )
    return TrainingError(
        f"Training failed: {type(error).__name__}: {first_line(error)}",
        hint="Check the plan's values; if they look right, report this as a bug.",
        where=str(folder),
    )


def refused(error: Exception) -> AdvisorError:
    """Values that the libraries refused before the first step."""
    return PlanError(
        f"The trainer 'trl' refuses the plan: {first_line(error)}",
        hint="See `advisor estimate` for plans it takes.",
    )


def no_samples() -> AdvisorError:
    """Nothing to learn from."""
    return DatasetError(
        "There are no training samples.", hint="Give a data file that leaves a train split."
    )


def _out_of_memory(plan: Plan) -> OutOfMemoryError:
    hints = [f"micro_batch_size {max(1, plan.micro_batch_size // 2)}"]
    if plan.micro_batch_size == 1:
        hints = [f"sequence_length {max(1, plan.sequence_length // 2)}"]
    if not plan.gradient_checkpointing:
        hints.append("gradient_checkpointing")
    if plan.method != "qlora":
        hints.append("lora" if plan.method == "full" else "qlora")
    return OutOfMemoryError(
        f"Memory ran out with micro_batch_size {plan.micro_batch_size},"
        f" sequence_length {plan.sequence_length} and method '{plan.method}'.",
        hint=f"Try {', or '.join(hints)}.",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def first_line(error: BaseException) -> str:
    """What an exception says first; its kind where it says nothing."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__
