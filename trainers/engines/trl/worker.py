"""One of several processes that train together: `python -m trainers.engines.trl.worker JOB`.

It is started by torchrun and knows nothing but its job and a line to the command; every answer that
needs the run (metric, plugins, whether to stop) is asked of the command over that line.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from advisor.contracts import Method
from advisor.errors import AdvisorError, TrainingError
from advisor.schema.base import Value
from advisor.schema.evaluation import Completion, Prompt, Sample
from advisor.schema.train import TrainEvent, TrainJob, TrainResult
from trainers.engines.trl.channel import ADDRESS, TOKEN, Line, Message, connect
from trainers.engines.trl.quiet import quiet

ORPHANED = 3
"""Exit code of a process whose command has gone."""


class Assignment(Value):
    """What one process is told beside its rank: the job, and who asks for it."""

    job: TrainJob
    seed: int
    instruction: str
    cache_dir: str
    metric: str | None = None
    """Name of the run's metric; None: it has none to ask."""
    higher_is_better: bool = True


class Command:
    """The command at the other end, which outlives no call: without it the process ends."""

    def __init__(self, line: Line, rank: int) -> None:
        self._line = line
        self._answers: queue.SimpleQueue[Message] = queue.SimpleQueue()
        line.send({"hello": os.environ[TOKEN], "rank": rank})
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                self._answers.put(self._line.receive())
        except (EOFError, OSError):
            os._exit(ORPHANED)  # nobody is left to train for

    def tell(self, message: Message) -> None:
        """Say something that needs no answer."""
        self._line.send(message)

    def ask(self, message: Message) -> Message:
        """Say something and wait for the answer."""
        self._line.send(message)
        return self._answers.get()


class FarProgress:
    """A progress line that the command shows."""

    def __init__(self, command: Command) -> None:
        self._command = command

    def start(self, label: str, total: int) -> None:
        """Begin a line of `total` units."""
        self._command.tell({"tell": "start", "label": label, "total": total})

    def advance(self, count: int = 1) -> None:
        """So many more units are done."""
        self._command.tell({"tell": "advance", "count": count})

    def finish(self) -> None:
        """End the line."""
        self._command.tell({"tell": "finish"})


class FarScoring:
    """The run's metric, computed by the command; all processes hear the same values."""

    def __init__(self, command: Command, assignment: Assignment) -> None:
        self._command = command
        self.metric = assignment.metric or ""
        self.higher_is_better = assignment.higher_is_better

    def values(self, samples: Any, texts: Any) -> list[float]:
        """What each text is worth as an answer to its sample.

        Samples differ between processes (each has its own prompts), so each asks for itself.
        """
        told = [Sample.model_dump(sample, mode="json") for sample in samples]
        answer = self._command.ask({"ask": "values", "samples": told, "texts": list(texts)})
        return [float(value) for value in answer["values"]]

    def dev_value(self, generate: Any) -> float | None:
        """The metric over answers to dev samples; every process writes the same answers.

        The model may be spread over all of them, so that all must run it together.
        """
        from trainers.engines.trl._ranks import agreed, is_first  # noqa: PLC0415 - delays torch

        message = self._command.ask({"ask": "dev_value"}) if is_first() else {}
        while True:
            message = agreed(message)
            if "value" in message:
                return cast("float | None", message["value"])
            prompts = [Prompt.model_validate(prompt) for prompt in message["prompts"]]
            answers: list[Completion] = generate(prompts, message["most"])
            if is_first():
                told = [answer.model_dump(mode="json") for answer in answers]
                message = self._command.ask({"completions": told})


class FarTools:
    """What the engine needs from the world, at the other end of the line (contracts.Tools)."""

    embedder: Any = None
    retriever: Any = None
    model: Any = None

    def __init__(self, command: Command, assignment: Assignment) -> None:
        self._command = command
        self.seed = assignment.seed
        self.instruction = assignment.instruction
        self.cache_dir = Path(assignment.cache_dir)
        self.progress = FarProgress(command)
        self.scoring = FarScoring(command, assignment) if assignment.metric is not None else None

    def emit(self, event: TrainEvent) -> None:
        """Pass an event on; the first process speaks for all."""
        from trainers.engines.trl._ranks import is_first  # noqa: PLC0415 - delays torch

        if is_first():
            self._command.tell({"tell": "event", "event": event.model_dump(mode="json")})

    def method(self, name: str) -> Method:
        """The tuning method of that name, which the command has looked up."""
        module, _, attribute = self._command.ask({"ask": "method", "name": name})["at"].partition(
            ":"
        )
        plugin = getattr(import_module(module), attribute)
        return cast("Method", plugin() if isinstance(plugin, type) else plugin)

    def should_stop(self) -> bool:
        """Whether to stop: the first process asks, and all hear the same answer."""
        from trainers.engines.trl._ranks import agreed, is_first  # noqa: PLC0415 - delays torch

        answer = self._command.ask({"ask": "should_stop"})["stop"] if is_first() else False
        return bool(agreed(answer))


def main(arguments: list[str]) -> int:
    """Train as the job says and tell the command how it ended; always exit code 0 once told."""
    command = Command(connect(int(os.environ[ADDRESS])), int(os.environ["RANK"]))
    assignment = Assignment.model_validate_json(Path(arguments[0]).read_text(encoding="utf-8"))
    try:
        with quiet():
            command.tell({"result": _trained(assignment, command).model_dump(mode="json")})
    except KeyboardInterrupt:
        command.tell({"interrupted": True})
    except AdvisorError as error:
        command.tell({"error": _as_message(error)})
        return 1
    except Exception as error:
        told = TrainingError(
            f"Training failed: {type(error).__name__}: {error}",
            hint="Please report this as a bug, with the log of the processes.",
        )
        command.tell({"error": _as_message(told)})
        raise
    return 0


def _trained(assignment: Assignment, command: Command) -> TrainResult:
    from trainers.engines.trl._member import trained  # noqa: PLC0415 - delays torch
    from trainers.engines.trl._ranks import joined  # noqa: PLC0415 - delays torch

    with joined(assignment.job.plan):
        try:
            return trained(assignment.job, FarTools(command, assignment))
        except AdvisorError as error:  # leaving the others may take long: they wait for this one
            command.tell({"error": _as_message(error)})
            raise


def _as_message(error: AdvisorError) -> Message:
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "where": error.where,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
