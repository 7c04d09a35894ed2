"""One training job from plan to saved model; the heavy back of the engine."""

from __future__ import annotations

import gc
import os
import platform
from importlib.metadata import version
from typing import Any

import torch

from advisor.contracts import Tools
from advisor.errors import AdvisorError
from advisor.schema.plan import Plan
from advisor.schema.train import (
    LossPoint,
    Preflight,
    Served,
    TrainEvent,
    TrainJob,
    TrainResult,
)
from trainers.engines.ledger import Ledger, Progress
from trainers.engines.trl._audit import swept
from trainers.engines.trl._bench import Bench
from trainers.engines.trl._build import Ready, adapted, build
from trainers.engines.trl._forgetting import forgotten, probe_of
from trainers.engines.trl._keep import keep
from trainers.engines.trl._looks import Looks
from trainers.engines.trl._memory import MemoryWatch
from trainers.engines.trl._model import QUANTISED, open_tokenizer
from trainers.engines.trl._moving import Moving
from trainers.engines.trl._pack import packed
from trainers.engines.trl._preflight import look
from trainers.engines.trl._restore import restorable
from trainers.engines.trl._watch import Watch
from trainers.engines.trl.failures import no_samples, told
from trainers.engines.trl.learned import unlearned
from trainers.engines.trl.objectives import course_of

LIBRARIES = ("torch", "transformers", "peft", "trl", "accelerate")


def run(job: TrainJob, tools: Tools, ledger: Ledger) -> TrainResult:
    """Train to the end and store the result; see `TrlTrainer.train` for what is raised."""
    if not job.train_samples:
        raise no_samples()
    _use_all_cores()
    try:
        return _run(job, tools, ledger)
    except AdvisorError:
        raise
    except Exception as error:
        raise told(error, job.plan, ledger.folder) from error
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _run(job: TrainJob, tools: Tools, ledger: Ledger) -> TrainResult:
    progress = ledger.begin(resume=job.resume)
    restored = restorable(ledger.folder, ledger.digest, as_used(job.plan, progress.preflight))
    _emit_notes(tools, (*ledger.remarks, *restored.passed_over))
    with MemoryWatch() as memory:
        ready = _ready(job, tools)
        _emit_notes(tools, ready.course.notes)
        if restored.folder is None:
            progress = _looked(job, ready, tools, ledger, progress)
        plan = as_used(job.plan, progress.preflight)
        looks = _looks(plan, ready, tools)
        watch = Watch(ledger, progress, memory, tools, looks)
        moving = Moving(lambda note: tools.emit(TrainEvent(kind="note", message=note)))
        trainer = build(plan, ready, ledger.folder, callbacks=[watch, moving])
        watch.trainer = trainer
        watch.begin(restored, usual_rate=job.usual_learning_rate)
        probe = probe_of(job, ready)
        if restored.folder is None:
            watch.general_loss_before = probe(trainer)
        try:
            trainer.train(resume_from_checkpoint=restored.path)
        finally:
            progress = watch.progress(trainer.state.global_step)
            ledger.save(progress)
        if watch.is_stopped:
            raise KeyboardInterrupt
        kept = watch.keep_best()
        general = (progress.general_loss_before, probe(trainer))
    losses = (kept["dev_loss_before"], kept["dev_loss_after"])
    remarks = unlearned(*losses, points=looks.points, plan=plan) + forgotten(*general)
    _emit_notes(tools, remarks)
    result = _result(job, ledger, trainer, progress, memory).model_copy(
        update=kept
        | {
            "train_samples": len(job.train_samples) - ready.course.left_out,
            "preflight": progress.preflight,
            "general_loss_before": general[0],
            "general_loss_after": general[1],
            "resumed_from_step": restored.step if restored.folder else None,
            "notes": (
                *ledger.remarks,
                *restored.passed_over,
                *ready.course.notes,
                *ready.applied.notes,
                *watch.notes,
                *moving.notes,
                *remarks,
            ),
        }
    )
    if trainer.whole():
        draft = ledger.draft()
        keep(trainer.model, ready, job.plan, draft, tools)
        ledger.finish(draft, result)
    tools.emit(TrainEvent(kind="end", step=result.steps, total_steps=result.steps))
    return result


def _looked(
    job: TrainJob, ready: Ready, tools: Tools, ledger: Ledger, progress: Progress
) -> Progress:
    """What is known after the look before the first step, kept where a kill cannot lose it."""
    bench = Bench(
        job=job,
        course=ready.course,
        tokenizer=ready.tokenizer,
        model=ready.applied.model,
        build=lambda plan, rows, place: build(plan, ready, place, dataset=rows),
        tools=tools,
        folder=ledger.folder,
        max_hours=job.max_hours,
    )
    _, seen = look(bench)
    progress = progress.model_copy(update={"preflight": seen})
    ledger.save(progress)
    return progress


def _looks(plan: Plan, ready: Ready, tools: Tools) -> Looks:
    """The looks at the dev split that the plan asks for."""
    return Looks(
        plan,
        tools,
        dev_loss=ready.course.dev_loss,
        tokenizer=ready.tokenizer,
        answers=ready.course.head == "language",
    )


def as_used(plan: Plan, seen: Preflight | None) -> Plan:
    """The plan with what the look before the first step changed."""
    changes = {change.field: change.used for change in seen.changes} if seen else {}
    return plan.model_copy(update=changes)


def _ready(job: TrainJob, tools: Tools) -> Ready:
    """Tokenizer, rows and adapted model of a job."""
    plan = job.plan
    tokenizer = open_tokenizer(plan)
    course = packed(swept(course_of(job, tokenizer, tools), job, tokenizer), plan)
    return Ready(course, adapted(plan, course, tools), tokenizer, job.report_to)


def _result(
    job: TrainJob,
    ledger: Ledger,
    trainer: Any,
    progress: Progress,
    memory: MemoryWatch,
) -> TrainResult:
    """What is known from plan, trainer and clock."""
    plan = job.plan
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    seconds = progress.steps_seconds
    return TrainResult(
        trainer="trl",
        method=plan.method,
        objective=plan.objective,
        output_dir=str(ledger.shared),
        served_by=Served(backend="transformers", model=str(ledger.final)),
        loss=tuple(LossPoint(step=e["step"], loss=float(e["loss"])) for e in history),
        steps=trainer.state.global_step,
        trainable_parameters=_trainable(trainer.model),
        peak_memory_gib=progress.peak_memory_gib,
        memory_tier=memory.tier,
        tokens_per_second=progress.tokens / seconds if seconds > 0 else None,
        wall_seconds=progress.wall_seconds,
        steps_seconds=seconds,
        evaluation_seconds=progress.evaluation_seconds,
        saving_seconds=progress.saving_seconds,
        train_samples=len(job.train_samples),
        versions=_versions(plan),
        seed=plan.seed,
        processes=trainer.accelerator.num_processes,
    )


def _trainable(model: Any) -> int:
    """Parameters that train, as PEFT counts them."""
    if hasattr(model, "get_nb_trainable_parameters"):
        return int(model.get_nb_trainable_parameters()[0])
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _versions(plan: Plan) -> dict[str, str]:
    names = [*LIBRARIES, "bitsandbytes"] if plan.base_bits in QUANTISED else LIBRARIES
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _emit_notes(tools: Tools, notes: tuple[str, ...]) -> None:
    for note in notes:
        tools.emit(TrainEvent(kind="note", message=note))


def _use_all_cores() -> None:
    """Torch takes half the hardware threads by itself; the user's OMP_NUM_THREADS stays.

    A run continued with another number of threads may differ in the last digits.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(usable_cores())


def usable_cores() -> int:
    """Cores this process may use; all of them where the system (macOS) cannot say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
