"""One process's part of a training that several share: all train, and only the first writes."""

from __future__ import annotations

from advisor.contracts import Tools
from advisor.schema.train import TrainJob, TrainResult
from trainers.engines.ledger import Ledger, Progress
from trainers.engines.trl._ranks import agreed, is_first
from trainers.engines.trl._run import run


class Follower(Ledger):
    """The ledger of every process but the first: reads and writes nothing of its own."""

    def begin(self, *, resume: bool) -> Progress:  # noqa: ARG002 - the first process decides
        """What the first process began with."""
        return Progress.model_validate_json(agreed(None))

    def save(self, progress: Progress) -> None:
        """Nothing: the first process keeps the progress."""

    def tidy(self) -> None:
        """Nothing."""

    def clear(self) -> None:
        """Nothing."""


class First(Ledger):
    """The ledger of the first process, which tells the others how it began."""

    def begin(self, *, resume: bool) -> Progress:
        """What an interrupted run left, told to all processes before any reads the folder."""
        progress = super().begin(resume=resume)
        agreed(progress.model_dump_json())
        return progress


def trained(job: TrainJob, tools: Tools) -> TrainResult:
    """This process's part of the training; every process has the first one's result."""
    ledger = (First if is_first() else Follower)(job, "trl")
    result = run(job, tools, ledger)
    return TrainResult.model_validate_json(agreed(result.model_dump_json()))
