"""The plan that fits the memory as measured: smaller micro-batches, the same effective batch."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from advisor.errors import OutOfMemoryError, PlanError
from advisor.schema.plan import Plan
from advisor.schema.train import PlanChange
from advisor.units import bytes_from_gib, gib_from_bytes
from trainers.engines.trl._bench import Bench
from trainers.engines.trl._longest import Probe, take_steps
from trainers.engines.trl._ranks import summed

SHORTEST = 64
"""Sequences below this are proposed to nobody."""
NF4_BYTES = 0.516
"""Of a weight in 4 bits with doubly quantised scales: 1/2 + 1/64 + 4/16384."""
CUTTABLE = {"input_ids", "labels"}
"""Rows of these columns alone can be cut, to measure what shorter ones would take."""


@dataclass(frozen=True)
class Fitted:
    """The plan that is used, and what its steps took."""

    plan: Plan
    probe: Probe
    changes: tuple[PlanChange, ...] = ()


def fitted(bench: Bench) -> Fitted:
    """The job's plan, or the first with a smaller micro-batch whose two steps fit the memory.

    Micro-batch x accumulation stays as it is. Raises OutOfMemoryError with the nearest plan that
    fits when one row at a time is still too much, and what two real steps raise.
    """
    planned = used = bench.job.plan
    probe, short = _tried(bench, planned)
    why, smaller = "", next_smaller(planned)
    while short and smaller is not None and _can_help(bench, probe):
        with suppress(PlanError):  # the library refuses some sizes: then the next one
            probe, still = _tried(bench, smaller)
            used, why, short = smaller, short, still
        smaller = next_smaller(smaller)
    if short:
        raise _too_little(bench, used, probe, short)
    return Fitted(used, probe, changes(planned, used, why))


def _tried(bench: Bench, plan: Plan) -> tuple[Probe, str]:
    probe = take_steps(bench, plan)
    return probe, agreed(shortage(probe, bench.job.usable_memory_gib, plan))


def _can_help(bench: Bench, probe: Probe) -> bool:
    """Whether it is the steps that take the memory, and not what was there before them."""
    usable = bench.job.usable_memory_gib
    return usable is None or probe.before_gib <= usable


def shortage(probe: Probe, usable_gib: float | None, plan: Plan) -> str:
    """Why the probed plan does not fit, in words; empty where it does."""
    rows = "1 row" if plan.micro_batch_size == 1 else f"{plan.micro_batch_size} rows"
    if probe.peak_gib is None:
        room = "" if usable_gib is None else f" ({_gib(usable_gib)} are usable)"
        return f"memory ran out in a step of {rows} at a time{room}"
    if usable_gib is not None and probe.peak_gib > usable_gib:
        return f"{rows} at a time took {_gib(probe.peak_gib)}, and {_gib(usable_gib)} are usable"
    return ""


def _gib(value: float) -> str:
    return f"{value:.3g} GiB"


def agreed(reason: str) -> str:
    """The same answer in every process: one that is short makes all of them smaller."""
    short = summed([float(bool(reason))])[0]
    return reason or ("another process has too little memory" if short else "")


def next_smaller(plan: Plan) -> Plan | None:
    """At most half the micro-batch, a divisor of micro-batch x accumulation; None below one."""
    product = plan.micro_batch_size * plan.gradient_accumulation_steps
    half = plan.micro_batch_size // 2
    size = next((size for size in range(half, 0, -1) if product % size == 0), None)
    if size is None:
        return None
    update = {"micro_batch_size": size, "gradient_accumulation_steps": product // size}
    return plan.model_copy(update=update)


def changes(planned: Plan, used: Plan, reason: str) -> tuple[PlanChange, ...]:
    """What differs between two plans of one effective batch, with the reason."""
    fields = ("micro_batch_size", "gradient_accumulation_steps")
    return tuple(
        PlanChange(
            field=field, planned=getattr(planned, field), used=getattr(used, field), why=reason
        )
        for field in fields
        if getattr(planned, field) != getattr(used, field)
    )


def _too_little(bench: Bench, plan: Plan, probe: Probe, reason: str) -> OutOfMemoryError:
    usable = bench.job.usable_memory_gib
    if usable is not None and not _can_help(bench, probe):
        return OutOfMemoryError(
            f"Model and libraries alone take {_gib(probe.before_gib)} before the first step, and"
            f" {_gib(usable)} are usable: no micro-batch helps.",
            hint=_quantised(bench.model, plan, probe.before_gib)
            or "Take a smaller model, or a machine with more memory (`advisor estimate`).",
        )
    return OutOfMemoryError(
        f"The plan does not fit even with micro_batch_size {plan.micro_batch_size}: {reason}"
        f" (sequence_length {plan.sequence_length}, longest row {max(bench.course.lengths)}"
        f" tokens, method '{plan.method}').",
        hint=_nearest(bench, plan, probe),
    )


def _nearest(bench: Bench, plan: Plan, probe: Probe) -> str:
    """The nearest plan whose two steps fit, measured; else what quantising would save."""
    for candidate, rows, words in _candidates(bench, plan):
        found = take_steps(bench, candidate, rows=rows)
        if not shortage(found, bench.job.usable_memory_gib, candidate):
            took = "fits" if found.peak_gib is None else f"took {_gib(found.peak_gib)}"
            return f"The nearest plan that fits: {words} ({took} in two steps)."
    before = probe.before_gib if probe.peak_gib is None else probe.peak_gib
    return _quantised(bench.model, plan, before) or (
        "Nothing nearby fits either: take a smaller model or a machine with more memory"
        " (`advisor estimate`)."
    )


def _candidates(bench: Bench, plan: Plan) -> list[tuple[Plan, Any, str]]:
    """Checkpointing first, since it costs only time; then shorter sequences."""
    found: list[tuple[Plan, Any, str]] = []
    nearest, words = plan, ""
    if not plan.gradient_checkpointing:
        nearest, words = plan.model_copy(update={"gradient_checkpointing": True}), " and"
        found.append((nearest, None, "gradient_checkpointing"))
    if set(bench.course.dataset.column_names) != CUTTABLE:
        return found
    length = max(bench.course.lengths) // 2
    while length >= SHORTEST:
        shorter = nearest.model_copy(update={"sequence_length": length})
        named = f"gradient_checkpointing{words} sequence_length" if words else "sequence_length"
        found.append((shorter, _cut(bench.course.dataset, length), f"{named} {length}"))
        length //= 2
    return found


def _cut(dataset: Any, length: int) -> Any:
    """One long row of so many tokens, from its end: the answer is there."""
    lengths = [len(ids) for ids in dataset["input_ids"]]
    row = dataset.select([lengths.index(max(lengths))])
    return row.map(lambda one: {k: v[-length:] for k, v in one.items()}, keep_in_memory=True)


def _quantised(model: Any, plan: Plan, now_gib: float) -> str:
    """What a base in 4 bits would take instead, by arithmetic; empty where it is so already."""
    if plan.base_bits in (4, 8):
        return ""
    frozen = [
        m.weight
        for name, m in model.named_modules()
        if isinstance(m, torch.nn.Linear) and "lm_head" not in name
    ]
    saved = sum(w.numel() * (w.element_size() - NF4_BYTES) for w in frozen)
    if saved < bytes_from_gib(0.01):
        return ""
    less = gib_from_bytes(saved)
    return (
        f"With qlora the base would take about {_gib(less)} less: about"
        f" {_gib(max(0.0, now_gib - less))} in all."
    )
