"""Trains nothing and honours the whole contract: for tutorials, tests and a look at the flow.

The trainer writes the train samples down and draws a loss curve from the seed; the backend of the
same name answers with the target of the most similar train sample. Scores made with it say nothing
about tuning, and every result says so.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from advisor.contracts import PluginInfo, Tools, TrainerInfo
from advisor.errors import DatasetError, ModelFolderError
from advisor.schema.evaluation import Completion, Prompt
from advisor.schema.train import LossPoint, Served, TrainEvent, TrainJob, TrainResult
from advisor.units import gib_from_bytes
from trainers.engines.ledger import Ledger, Progress, write_whole
from trainers.engines.lock import alone_in

MEMORY_FILE = "dry_run.json"
NOTE = "Nothing was trained: the loss curve is drawn from the seed, and answers are looked up."
FIRST_LOSS, LAST_LOSS, NOISE = 2.5, 0.4, 0.05
MAX_STEPS = 200
NOTED_PER_RUN = 10
"""So often progress is written down, which takes longer than a step that trains nothing."""


class DryRunTrainer:
    """Walks through a training run without training."""

    info = TrainerInfo(
        id="dry_run",
        label="Dry run (trains nothing)",
        pairs=(("sft", "full"), ("sft", "lora"), ("sft", "qlora")),
    )

    def train(self, job: TrainJob, tools: Tools) -> TrainResult:
        """Write down the train samples and a loss curve; the same for the same seed.

        When `job.resume` is set, a finished job is handed back, and an interrupted one continues at
        its step. Raises DatasetError without samples, StorageError, TrainingError when another
        process trains in the folder, and KeyboardInterrupt when `tools.should_stop()` asks for it.
        """
        if not job.train_samples:
            raise DatasetError(
                "There are no training samples.",
                hint="Give a data file that leaves a train split.",
            )
        ledger = Ledger(job, self.info.id)
        result = ledger.finished()
        if result is None:
            with alone_in(ledger.shared):
                result = ledger.finished() or self._make(job, tools, ledger)
        tools.emit(TrainEvent(kind="end", step=result.steps, total_steps=result.steps))
        return result

    def _make(self, job: TrainJob, tools: Tools, ledger: Ledger) -> TrainResult:
        progress = ledger.begin(resume=job.resume)
        done = self._walk(job, tools, ledger, progress)
        result = self._result(job, ledger, done, progress.step)
        draft = ledger.draft()
        rows = [{"input": s.input, "target": s.target} for s in job.train_samples]
        text = json.dumps({"rows": rows}, ensure_ascii=False, indent=1)
        write_whole(draft / MEMORY_FILE, text + "\n")
        ledger.finish(draft, result)
        return result

    def _walk(self, job: TrainJob, tools: Tools, ledger: Ledger, before: Progress) -> Progress:
        """Report every step; the progress file is this trainer's checkpoint."""
        total = steps_of(job)
        kind = "resume" if before.step else "start"
        tools.emit(TrainEvent(kind=kind, step=before.step, total_steps=total, message=NOTE))
        for remark in ledger.remarks:
            tools.emit(TrainEvent(kind="note", message=remark))
        began = time.perf_counter()
        progress = before
        for point in loss_curve(job.plan.seed, total)[before.step :]:
            progress = before.model_copy(
                update={
                    "step": point.step,
                    "wall_seconds": before.wall_seconds + time.perf_counter() - began,
                    "peak_memory_gib": peak_process_gib(),
                }
            )
            tools.emit(TrainEvent(kind="step", step=point.step, total_steps=total, loss=point.loss))
            stop = point.step < total and tools.should_stop()
            if stop or point.step % max(1, total // NOTED_PER_RUN) == 0:
                ledger.save(progress)
            if stop:
                tools.emit(TrainEvent(kind="checkpoint", step=point.step, total_steps=total))
                raise KeyboardInterrupt
        return progress

    def _result(
        self, job: TrainJob, ledger: Ledger, progress: Progress, resumed_from: int
    ) -> TrainResult:
        total = steps_of(job)
        return TrainResult(
            trainer=self.info.id,
            method=job.plan.method,
            objective=job.plan.objective,
            output_dir=str(ledger.shared),
            served_by=Served(backend="dry_run", model=str(ledger.final)),
            loss=loss_curve(job.plan.seed, total),
            steps=total,
            trainable_parameters=0,
            peak_memory_gib=progress.peak_memory_gib or peak_process_gib(),
            memory_tier="process",
            tokens_per_second=None,
            wall_seconds=progress.wall_seconds,
            train_samples=len(job.train_samples),
            versions={},
            seed=job.plan.seed,
            resumed_from_step=resumed_from or None,
            notes=(NOTE,),
        )


class DryRunSession:
    """Answers with the target of the train sample whose words overlap most; ties to the first."""

    def __init__(self, rows: Sequence[tuple[str, str]], digest: str) -> None:
        self._rows = [(words(text), target) for text, target in rows]
        self._digest = digest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    @property
    def model_digest(self) -> str:
        """Tells what was written down apart from another dry run."""
        return self._digest

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order; words count as tokens."""
        return [self._answer(prompt, max_new_tokens) for prompt in prompts]

    def count_tokens(self, text: str) -> int:
        """Words, split at white space."""
        return len(text.split())

    def _answer(self, prompt: Prompt, max_new_tokens: int) -> Completion:
        began = time.perf_counter()
        asked = words(next((m.content for m in reversed(prompt.messages) if m.role == "user"), ""))
        target = max(self._rows, key=lambda row: overlap(asked, row[0]))[1]
        count = self.count_tokens(target)
        cut = count > max_new_tokens
        return Completion(
            text=" ".join(target.split()[:max_new_tokens]) if cut else target,
            prompt_tokens=sum(self.count_tokens(m.content) for m in prompt.messages),
            completion_tokens=min(count, max_new_tokens),
            latency_ms=(time.perf_counter() - began) * 1000,
            finish="length" if cut else "stop",
        )


class DryRunBackend:
    """Opens what the trainer `dry_run` wrote."""

    info = PluginInfo(id="dry_run", label="Dry run (looks answers up)")

    def open(self, model: str, settings: dict[str, str]) -> DryRunSession:
        """A session over the written samples. Raises ModelFolderError for another folder."""
        del settings
        try:
            text = (Path(model) / MEMORY_FILE).read_text(encoding="utf-8")
            rows = [(str(row["input"]), str(row["target"])) for row in json.loads(text)["rows"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelFolderError(
                f"'{model}' does not hold what the trainer dry_run writes.",
                hint="Run `advisor train --trainer dry_run` first, or open it by its own backend.",
                where=model,
            ) from error
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return DryRunSession(rows, digest)


def steps_of(job: TrainJob) -> int:
    """Optimizer steps the plan would take, at most 200 so that a dry run stays quick."""
    batch = job.plan.micro_batch_size * job.plan.gradient_accumulation_steps
    full = math.ceil(len(job.train_samples) / batch * job.plan.epochs)
    return max(1, min(MAX_STEPS, full))


def loss_curve(seed: int, steps: int) -> tuple[LossPoint, ...]:
    """An exponential fall with noise; every point depends on seed and step alone."""
    points = []
    for step in range(1, steps + 1):
        level = LAST_LOSS + (FIRST_LOSS - LAST_LOSS) * math.exp(-4 * step / steps)
        noise = random.Random(f"{seed}-{step}").uniform(-NOISE, NOISE)  # noqa: S311 - a drawing
        points.append(LossPoint(step=step, loss=round(level + noise, 6)))
    return tuple(points)


def peak_process_gib() -> float:
    """Highest resident memory of this process so far (Linux counts it in KiB, macOS in bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return gib_from_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def words(text: str) -> frozenset[str]:
    """The distinct words of a text, lower case."""
    return frozenset(re.findall(r"\w+", text.lower()))


def overlap(a: frozenset[str], b: frozenset[str]) -> float:
    """Shared words over all words (Jaccard); 0 when there are none."""
    union = a | b
    return len(a & b) / len(union) if union else 0.0
