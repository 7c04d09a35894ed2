"""A job brought to where the pre-flight looks at it, with the engine's own parts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from advisor.schema.train import TrainJob
from tests.fixtures.training import RecordingTools, training_job
from trainers.engines.trl.quiet import quiet


def bench_of(job: TrainJob, folder: Path) -> Any:
    """As the engine makes it."""
    from trainers.engines.trl._bench import Bench
    from trainers.engines.trl._build import Ready, adapted, build
    from trainers.engines.trl._model import open_tokenizer
    from trainers.engines.trl._pack import packed
    from trainers.engines.trl.objectives import course_of

    tools = RecordingTools()
    with quiet():
        tokenizer = open_tokenizer(job.plan)
        rows = packed(course_of(job, tokenizer, tools), job.plan)
        ready = Ready(rows, adapted(job.plan, rows, tools), tokenizer)
    return Bench(
        job=job,
        course=rows,
        tokenizer=tokenizer,
        model=ready.applied.model,
        build=lambda plan, dataset, place: build(plan, ready, place, dataset=dataset),
        tools=tools,
        folder=folder,
    )


def bench_for(model: str, folder: Path, method: str = "lora", **changes: Any) -> Any:
    """The bench of a small job; `changes` are fields of its plan or of itself."""
    return bench_of(training_job(model, folder, method, **changes), folder / "job")


def looked(bench: Any) -> Any:
    """What the pre-flight saw."""
    from trainers.engines.trl._preflight import look

    with quiet():
        return look(bench)[1]


def with_rows(bench: Any, rows: list[dict[str, Any]]) -> Any:
    """The same bench over other rows."""
    from datasets import Dataset

    lengths = tuple(len(row["input_ids"]) for row in rows)
    course = dataclasses.replace(bench.course, dataset=Dataset.from_list(rows), lengths=lengths)
    return dataclasses.replace(bench, course=course)
