"""One training job from plan to saved model; the heavy back of the engine."""

from __future__ import annotations

import dataclasses
import gc
import json
import math
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, ProgressCallback
from trl import SFTConfig

from advisor.contracts import Tools
from advisor.errors import AdvisorError
from advisor.schema.plan import Plan
from advisor.schema.train import LossPoint, Served, TrainEvent, TrainJob, TrainResult
from trainers.engines.ledger import Ledger, Progress
from trainers.engines.trl._dev import MOST_DEV_SAMPLES, dev_loss
from trainers.engines.trl._memory import MemoryWatch
from trainers.engines.trl._model import adapter_of, open_base, open_tokenizer
from trainers.engines.trl._rows import Rows, dev_rows, rows_of
from trainers.engines.trl._watch import Watch, WatchedTrainer
from trainers.engines.trl.checkpoints import discard_others, newest_complete, step_of
from trainers.engines.trl.failures import no_samples, refused, told

LIBRARIES = ("torch", "transformers", "peft", "trl", "accelerate")
LOSS_POINTS = 1000
"""About as many losses are kept of a long run; a short one keeps every step's."""
BASE_FACTS = "base.json"
"""Tells the backend in what form the adapter's base was loaded."""


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
    plan = job.plan
    progress = ledger.begin(resume=job.resume)
    checkpoint = newest_complete(ledger.folder)
    discard_others(ledger.folder, checkpoint)
    with MemoryWatch() as memory:
        tokenizer = open_tokenizer(plan)
        form = {"sequence_length": plan.sequence_length}
        rows = rows_of(job.train_samples, job.instruction, tokenizer, **form)
        dev = dev_rows(job.dev_samples[:MOST_DEV_SAMPLES], job.instruction, tokenizer, **form)
        notes = _notes(rows, plan)
        _emit_notes(tools, notes)
        watch = Watch(ledger, progress, memory, tools)
        trainer = _trainer(plan, ledger.folder, rows, tokenizer, watch)
        if checkpoint is None:
            watch.dev_loss_before = dev_loss(trainer.model, dev)
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        finally:
            progress = watch.progress(trainer.state.global_step)
            ledger.save(progress)
        if watch.is_stopped:
            raise KeyboardInterrupt
    losses = (progress.dev_loss_before, dev_loss(trainer.model, dev))
    _emit_notes(tools, unlearned(*losses))
    result = _result(job, ledger, trainer, progress, rows, memory).model_copy(
        update={
            "dev_loss_before": losses[0],
            "dev_loss_after": losses[1],
            "resumed_from_step": step_of(checkpoint) if checkpoint else None,
            "notes": (*notes, *unlearned(*losses)),
        }
    )
    draft = ledger.draft()
    _save(trainer, tokenizer, plan, draft)
    ledger.finish(draft, result)
    tools.emit(TrainEvent(kind="end", step=result.steps, total_steps=result.steps))
    return result


def _trainer(plan: Plan, folder: Path, rows: Rows, tokenizer: Any, watch: Watch) -> WatchedTrainer:
    """The trainer as the plan asks. Raises PlanError for values the libraries refuse."""
    model = open_base(plan)
    try:
        trainer = WatchedTrainer(
            model=model,
            args=_settings(plan, folder, len(rows.dataset)),
            train_dataset=rows.dataset,
            processing_class=tokenizer,
            peft_config=adapter_of(plan),
            callbacks=[watch],
        )
    except (ValueError, TypeError, KeyError) as error:
        raise refused(error) from error
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    watch.trainer = trainer
    return trainer


def _settings(plan: Plan, folder: Path, samples: int) -> SFTConfig:
    """Every field of the plan as TRL names it. Raises ValueError for a name TRL does not know."""
    on_gpu = torch.cuda.is_available()
    batch = plan.micro_batch_size * plan.gradient_accumulation_steps
    total = math.ceil(samples / batch * plan.epochs)
    known = {field.name for field in dataclasses.fields(SFTConfig)}
    checkpointing = (
        "activation_checkpointing"
        if "activation_checkpointing" in known
        else "gradient_checkpointing"
    )
    settings = SFTConfig(
        output_dir=str(folder),
        num_train_epochs=plan.epochs,
        per_device_train_batch_size=plan.micro_batch_size,
        gradient_accumulation_steps=plan.gradient_accumulation_steps,
        max_length=plan.sequence_length,
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        optim=plan.optimizer,
        learning_rate=plan.learning_rate,
        lr_scheduler_type=plan.schedule,
        warmup_steps=plan.warmup_share,
        weight_decay=plan.weight_decay,
        max_grad_norm=plan.max_gradient_norm,
        seed=plan.seed,
        use_cpu=not on_gpu,
        bf16=on_gpu and plan.precision == "bfloat16",
        fp16=on_gpu and plan.precision == "float16",
        logging_steps=max(1, total // LOSS_POINTS),
        logging_nan_inf_filter=False,
        save_strategy="no",
        save_total_limit=2,
        dataloader_num_workers=0,
        dataloader_pin_memory=on_gpu,
        disable_tqdm=True,
        report_to="none",
        **{checkpointing: plan.gradient_checkpointing},
    )
    if on_gpu:
        settings._n_gpu = 1  # noqa: SLF001 - one device as planned, even where more are visible
    return settings


def _result(
    job: TrainJob,
    ledger: Ledger,
    trainer: WatchedTrainer,
    progress: Progress,
    rows: Rows,
    memory: MemoryWatch,
) -> TrainResult:
    """What is known from plan, trainer and clock."""
    plan = job.plan
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    seconds = progress.wall_seconds
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
        wall_seconds=seconds,
        train_samples=len(rows.dataset),
        versions=_versions(plan),
        seed=plan.seed,
    )


def _trainable(model: Any) -> int:
    """Parameters that train, as PEFT counts them."""
    if hasattr(model, "get_nb_trainable_parameters"):
        return int(model.get_nb_trainable_parameters()[0])
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _versions(plan: Plan) -> dict[str, str]:
    names = [*LIBRARIES, "bitsandbytes"] if plan.method == "qlora" else LIBRARIES
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _emit_notes(tools: Tools, notes: tuple[str, ...]) -> None:
    for note in notes:
        tools.emit(TrainEvent(kind="note", message=note))


def unlearned(before: float | None, after: float | None) -> tuple[str, ...]:
    """A remark when the dev loss is known and did not fall."""
    if before is None or after is None or after < before:
        return ()
    change = f"{before:.3f} to {after:.3f}"
    return (f"Training learned nothing that shows on the dev split: its loss went from {change}.",)


def _notes(rows: Rows, plan: Plan) -> tuple[str, ...]:
    notes = []
    if rows.too_long:
        notes.append(
            f"{rows.too_long} of {rows.too_long + len(rows.dataset)} training samples exceed"
            f" {plan.sequence_length} tokens (longest {rows.longest}) and were left out."
        )
    return tuple(notes)


def _save(trainer: WatchedTrainer, tokenizer: Any, plan: Plan, draft: Path) -> None:
    """Adapter or full weights, the tokenizer with its chat form, and how the base was loaded."""
    trainer.model.save_pretrained(str(draft))
    tokenizer.save_pretrained(str(draft))
    facts = {
        "model": plan.model,
        "method": plan.method,
        "precision": plan.precision,
        "base_bits": plan.base_bits if plan.method == "qlora" else None,
    }
    for card in (draft / "README.md", draft.parent / "README.md"):
        card.unlink(missing_ok=True)  # the libraries' empty model cards say nothing
    (draft / BASE_FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


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
