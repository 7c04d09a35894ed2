"""A course of an objective on the miniature model: made ready, looked at, trained."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from advisor.schema.evaluation import Sample
from tests.fixtures.training import RecordingTools, training_job
from trainers.engines.trl.quiet import quiet

PAIRS = tuple(
    Sample(id=f"p{i}", input=f"Say {i}", target="yes yes", rejected="no", line=i + 1)
    for i in range(16)
)


def ready(
    model: str,
    folder: Path,
    objective: str,
    method: str = "lora",
    tools: Any = None,
    samples: tuple[Sample, ...] = PAIRS,
    **wishes: Any,
) -> Any:
    """A trainer before its first step, its course, and how to look at the dev part."""
    from trainers.engines.trl._build import Ready, adapted, build
    from trainers.engines.trl._model import open_tokenizer
    from trainers.engines.trl.objectives import course_of

    own = {"objective": objective, "train_samples": samples, "dev_samples": samples[:6]}
    job = training_job(model, folder, method, **own | wishes)
    tools = tools or RecordingTools()
    with quiet():
        tokenizer = open_tokenizer(job.plan)
        course = course_of(job, tokenizer, tools)
        parts = Ready(course, adapted(job.plan, course, tools), tokenizer)
        trainer = build(job.plan, parts, Path(job.output_dir) / "steps")
    return SimpleNamespace(job=job, course=course, trainer=trainer, ready=parts, tools=tools)


def look(made: Any) -> float | None:
    """The dev loss."""
    with quiet():
        return made.course.dev_loss(made.trainer)


def trained(made: Any) -> float | None:
    """The dev loss after training."""
    with quiet():
        made.trainer.train()
    return look(made)
