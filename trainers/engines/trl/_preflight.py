"""The look before the first step: rows, memory, disk and device, each told while it is cheap.

Nothing here changes what training will give: weights and random states are put back bit for bit.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

from advisor.errors import DatasetError
from advisor.schema.plan import Plan
from advisor.schema.train import Preflight, TrainEvent
from advisor.units import gib_from_bytes, hours_from_seconds, short_duration
from trainers.engines.trl import disk
from trainers.engines.trl._apart import check_apart
from trainers.engines.trl._audit import MOST_FAULTY, audited, check_numbers, spread
from trainers.engines.trl._bench import Bench
from trainers.engines.trl._device import check_finite, check_precision, device_notes
from trainers.engines.trl._form import check_form
from trainers.engines.trl._longest import PROBE_FOLDER, Probe, longest
from trainers.engines.trl._settings import steps_of
from trainers.engines.trl._shrink import Fitted, fitted
from trainers.engines.trl._traceless import as_it_was

__all__ = ["Bench", "look"]


def look(bench: Bench) -> tuple[Plan, Preflight]:
    """The plan that is used, and what was seen.

    Micro-batch and accumulation may differ from the job's plan, their product never. Raises
    DatasetError, ModelFolderError, PlanError, OutOfMemoryError, StorageError, NonFiniteLossError,
    NothingToLearnError and TrainingError, each with the fault and how to mend it.
    """
    began = time.perf_counter()
    plan, course = bench.job.plan, bench.course
    notes = [*device_notes(plan)]
    check_precision(plan, bench.model)
    check_finite(bench.model, plan.model)
    check_numbers(course, bench.job)
    notes += _length_notes(bench)
    notes += _row_notes(bench)
    disk.check(_needed(bench, plan, None), bench.folder)
    found = fitted(bench)
    needed = _needed(bench, found.plan, found.probe)
    free = disk.check(needed, bench.folder)
    notes += _memory_notes(bench, found) + _time_notes(bench, found) + _meaning_notes(found)
    seen = Preflight(
        rows=len(course.lengths),
        left_out=course.left_out,
        trained_tokens=course.trained_tokens,
        tokens=sum(course.lengths) * course.repeats,
        longest_row=max(course.lengths),
        probed_memory_gib=found.probe.peak_gib,
        probed_seconds_per_step=found.probe.seconds_per_step,
        estimated_memory_gib=bench.job.estimated_memory_gib,
        checkpoint_gib=gib_from_bytes(needed.checkpoint),
        free_disk_gib=gib_from_bytes(free),
        changes=found.changes,
        notes=tuple(notes),
        seconds=time.perf_counter() - began,
    )
    _tell(bench, found, seen)
    return found.plan, seen


def _length_notes(bench: Bench) -> list[str]:
    """A remark on rows over the plan's length. Raises DatasetError where more than a tenth are."""
    lengths, most = bench.course.lengths, bench.job.plan.sequence_length
    if "labels" not in bench.course.dataset.column_names:
        return []  # of pairs the length is that of both texts; the audit looks at each
    over = [length for length in lengths if length > most]
    if not over:
        return []
    told = (
        f"{len(over)} of {len(lengths)} rows exceed the plan's {most} tokens (the longest has"
        f" {max(over)}) and would be cut off"
    )
    if len(over) > MOST_FAULTY * len(lengths):
        raise DatasetError(
            f"{told}.",
            hint="Raise the plan's sequence_length (--seq-len), or shorten these samples.",
        )
    return [f"{told}."]


def _row_notes(bench: Bench) -> list[str]:
    """What the audit of the batches says; their trainer is gone afterwards."""
    plan, course = bench.job.plan, bench.course
    place = bench.folder / PROBE_FOLDER
    with as_it_was(bench.model):
        rows = course.dataset.select(spread(course.lengths))
        try:
            trainer = bench.build(plan, rows, place)
            texts, notes = audited(bench, plan, trainer)
            if plan.packing:
                check_apart(trainer, plan.model)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return [*notes, *check_form(bench, texts)]


def _needed(bench: Bench, plan: Plan, probe: Probe | None) -> disk.Needed:
    """Bytes on the disk, from real tensors; the optimizer's are known after the first step."""
    return disk.Needed(
        weights=_saved_bytes(bench.model),
        states=0 if probe is None else probe.state_bytes,
        steps=steps_of(plan, bench.course.texts),
    )


def _saved_bytes(model: Any) -> int:
    """What is saved of a model: an adapter's trained tensors, or every weight once."""
    is_adapter = hasattr(model, "peft_config")
    saved = [p for p in model.parameters() if p.requires_grad or not is_adapter]
    return sum(p.numel() * p.element_size() for p in saved)


def _memory_notes(bench: Bench, found: Fitted) -> list[str]:
    peak, estimated = found.probe.peak_gib, bench.job.estimated_memory_gib
    if peak is None or estimated is None or found.changes:
        return []
    took = f"Memory: two steps on the longest batch took {peak:.3g} GiB"
    usable = bench.job.usable_memory_gib
    onward = "" if usable is None else f" Training goes on: {usable:.3g} GiB are usable."
    if peak > estimated.high:
        return [f"{took}; the estimate said at most {estimated.high:.3g} GiB.{onward}"]
    if peak < estimated.low:
        return [f"{took}; the estimate said at least {estimated.low:.3g} GiB.{onward}"]
    return []


def _meaning_notes(found: Fitted) -> list[str]:
    """A remark where a smaller micro-batch is another loss, though the step has the same rows."""
    if found.plan.objective != "kto" or not found.changes:
        return []
    (planned,) = (c.planned for c in found.changes if c.field == "micro_batch_size")
    used = found.plan.micro_batch_size
    told = f"KTO's average over other samples' answers is taken over {used} at a time instead of"
    return [f"{told} {planned}: the loss is a little noisier than planned."]


def expected_seconds(bench: Bench, found: Fitted) -> tuple[float, float] | None:
    """Likely and highest time of all steps: by tokens, and were every batch the longest."""
    if found.probe.seconds_per_step is None:
        return None
    plan, lengths = found.plan, bench.course.padded
    highest = found.probe.seconds_per_step * steps_of(plan, bench.course.texts)
    chosen = longest(lengths, plan.micro_batch_size)
    mean = sum(lengths) / len(lengths)
    likely = highest * mean / max(1.0, sum(lengths[i] for i in chosen) / len(chosen))
    return likely, highest


def _time_notes(bench: Bench, found: Fitted) -> list[str]:
    """A remark where the limit of time will not do."""
    times = expected_seconds(bench, found)
    if times is None or bench.max_hours is None:
        return []
    if hours_from_seconds(times[0]) <= bench.max_hours:
        return []
    told = f"The steps will take about {short_duration(times[0])}"
    return [f"{told}: the limit of {bench.max_hours:g} hours will end training before."]


def _counts(bench: Bench, seen: Preflight) -> list[str]:
    """What there is to learn from, in words; what is drawn may stop before its longest."""
    learnt = f"{seen.trained_tokens} of {seen.tokens} tokens learnt from"
    if bench.course.repeats == 1:
        return [f"{seen.rows} rows", learnt]
    return [f"{seen.rows} prompts, {bench.course.repeats} completions of each", f"up to {learnt}"]


def _tell(bench: Bench, found: Fitted, seen: Preflight) -> None:
    """One event of the look, and a note for each change and remark."""
    peak, times = seen.probed_memory_gib, expected_seconds(bench, found)
    told = [*_counts(bench, seen), f"longest {seen.longest_row}"]
    if peak is not None:
        told.append(f"{peak:.3g} GiB in two steps on the longest batch")
    if times is not None:
        likely, highest = map(short_duration, times)
        told.append(f"about {likely} of steps, at most {highest}")
    event = TrainEvent(kind="preflight", message=", ".join(told), memory_gib=peak)
    bench.tools.emit(event)
    changes = (f"{c.field} {c.planned} -> {c.used}: {c.why}." for c in seen.changes)
    for line in (*changes, *seen.notes):
        bench.tools.emit(TrainEvent(kind="note", message=line))
