"""A model with the plan's method on it, and the library's trainer around it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transformers import PrinterCallback, ProgressCallback, set_seed

from advisor.contracts import Applied, Applying, Tools
from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.engines.trl._model import open_base
from trainers.engines.trl._settings import settings_of
from trainers.engines.trl._spread import spread
from trainers.engines.trl._stack import stack_notes
from trainers.engines.trl.course import Course
from trainers.engines.trl.failures import refused
from trainers.engines.trl.taken import notes
from trainers.engines.trl.watched import watched


class Ready(NamedTuple):
    """What a trainer is built from; the plan may still change between two builds."""

    course: Course
    applied: Applied
    tokenizer: Any
    report_to: tuple[str, ...] = ()


def adapted(plan: Plan, course: Course, tools: Tools) -> Applied:
    """The base as the plan asks, with the plan's method on it; the same for the same seed.

    Raises PlanError where the method cannot be trained here, and what opening the base raises.
    """
    method = tools.method(plan.method)
    if not isinstance(method, Applying):
        raise PlanError(
            f"The method '{plan.method}' can be estimated, but this trainer cannot train it.",
            hint="Choose another with --method, for example lora.",
        )
    set_seed(plan.seed)
    base = open_base(plan, head=course.head)
    set_seed(plan.seed)
    try:
        applied = method.apply(base, plan)
    except (ValueError, TypeError, KeyError) as error:
        raise refused(error) from error
    return applied._replace(notes=(*notes(plan), *stack_notes(plan), *applied.notes))


def build(
    plan: Plan,
    ready: Ready,
    folder: Path,
    *,
    dataset: Any = None,
    callbacks: Sequence[Any] = (),
) -> Any:
    """The trainer as the plan asks, over the course's rows or others of their kind.

    Raises PlanError for values the library refuses.
    """
    course, model = ready.course, ready.applied.model
    planned = {name: p.dtype for name, p in model.named_parameters() if p.requires_grad}
    try:
        trainer = spread(watched(course.trainer), plan)(
            model=model,
            args=settings_of(plan, course, folder, report_to=ready.report_to),
            train_dataset=course.dataset if dataset is None else dataset,
            processing_class=ready.tokenizer,
            callbacks=list(callbacks),
            **course.keywords,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise refused(error) from error
    for name, parameter in model.named_parameters():  # the library lowers those on packed bases
        if name in planned and parameter.dtype != planned[name]:
            parameter.data = parameter.data.to(planned[name])
    trainer.rates = dict(ready.applied.rates)
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer
