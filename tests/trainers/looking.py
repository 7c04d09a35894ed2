"""A job with looks at the dev split, and tools whose metric can be told what to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from advisor.schema.evaluation import Completion, Prompt, Sample
from advisor.schema.train import TrainJob
from tests.fixtures.training import RecordingTools, prompt, training_job, training_samples
from trainers.engines.trl.checkpoints import checkpoints, is_complete

ANSWER_TOKENS = 12


class DevMetric:
    """Length of the answers; or, where a script is given, one value of it per look."""

    metric = "length"
    higher_is_better = True

    def __init__(self, script: Sequence[float] = ()) -> None:
        self.prompts = [prompt(s.input, at) for at, s in enumerate(training_samples(5))]
        self.script = list(script)
        self.texts: list[list[str]] = []

    def values(self, samples: Sequence[Sample], texts: Sequence[str]) -> list[float]:
        return [float(len(text)) for text in texts]

    def dev_value(
        self, generate: Callable[[Sequence[Prompt], int], list[Completion]]
    ) -> float | None:
        self.texts.append([answer.text for answer in generate(self.prompts, ANSWER_TOKENS)])
        if self.script:
            return self.script[len(self.texts) - 1]
        return sum(map(len, self.texts[-1])) / 100


def newest_complete(output_dir: Path) -> Path | None:
    """The whole checkpoint with the highest step; None when there is none."""
    return next((folder for folder in checkpoints(output_dir) if is_complete(folder)), None)


class Looking(RecordingTools):
    """Tools with a metric for the dev split."""

    def __init__(self, script: Sequence[float] = (), **changes: Any) -> None:
        super().__init__(scoring=DevMetric(script), **changes)


def looking_job(base: str, folder: Path, method: str = "lora", **changes: Any) -> TrainJob:
    """A dozen steps with four looks."""
    own = {"resume": True, "dev_samples": training_samples(6), "evaluations": 4}
    return training_job(base, folder, method, **own | changes)
