"""How long a plan takes: its training steps, and what a job does beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from advisor.schema.base import Figure, Interval, Provenance
from advisor.schema.catalog import Gpu, ModelCard
from advisor.schema.estimate import TimePart
from advisor.schema.throughput import Overheads, Throughput
from advisor.stages.estimate.memory.work import Work
from advisor.stages.estimate.throughput.batches import (
    Batch,
    batch_of,
    epoch_tokens,
    padding_share,
    training_tokens,
)
from advisor.stages.estimate.throughput.pace import speed_interval
from advisor.stages.estimate.throughput.speed import (
    GIGA,
    Setting,
    StepSeconds,
    decode_seconds,
    setting,
    step_seconds,
)
from advisor.units import SECONDS_PER_HOUR

CHECKPOINT_BYTES = 2.0
"""Per parameter of the published weights that are downloaded."""
FORWARD_OVER_STEP = 1 / 3
"""An evaluation token costs the forward third of a training token."""
Seconds = tuple[float, float, float]
"""10 %, 50 % and 90 % points."""

_KEPT = 64
_STEPS = ("training tokens / tokens per second", Provenance(kind="computed", source="speed"))


class _Start(NamedTuple):
    """The parts before the first step, and what they were computed for."""

    model: ModelCard
    known: Overheads
    preparation: Sequence[TimePart]
    loading: TimePart


@dataclass(frozen=True)
class Timing:
    """Speed, training steps and everything around them."""

    tokens_per_second: Interval
    """Tokens of samples over all devices, padding not counted."""
    steps_hours: Interval
    job_hours: Interval
    """Steps and overheads: what is billed."""
    seconds: StepSeconds
    """Where one micro-batch spends its time."""
    parts: tuple[TimePart, ...]
    """Steps first, then the overheads; they sum to `job_hours`."""
    notes: tuple[str, ...]
    """What the times rest on."""


def timing(work: Work, gpu: Gpu, throughput: Throughput) -> Timing | None:
    """The times of a plan; None where the card's rate or the amount of training is unknown."""
    at = setting(work, gpu, throughput)
    tokens = training_tokens(work)
    if at is None or tokens <= 0:
        return None
    batch = batch_of(work)
    seconds = step_seconds(work, at, batch)
    speed = speed_interval(work, at, batch, seconds)
    steps = (tokens / speed.high, tokens / speed.likely, tokens / speed.low)
    parts = [_part("training", steps, *_STEPS), *_overheads(work, at, batch, speed)]
    return Timing(
        tokens_per_second=speed,
        steps_hours=parts[0].hours,
        job_hours=Interval(
            low=sum(part.hours.low for part in parts),
            likely=sum(part.hours.likely for part in parts),
            high=sum(part.hours.high for part in parts),
        ),
        seconds=seconds,
        parts=tuple(parts),
        notes=_notes(work, at, parts),
    )


def _notes(work: Work, at: Setting, parts: list[TimePart]) -> tuple[str, ...]:
    plan, cell = work.plan, at.cell
    seen = (
        f"{cell.rows} published runs of {cell.sources} sources"
        if cell
        else "no published run, inferred"
    )
    others = ", ".join(part.name for part in parts[1:])
    notes = [
        f"Speed: {at.stack.id} software on GPUs of class {at.gpu_class.id}: {seen}.",
        f"The hours hold {others} beside the training steps.",
    ]
    padding = padding_share(plan)
    if padding:
        notes.append(f"{padding:.0%} of the computed tokens are padding; --packing saves it.")
    if plan.nodes > 1:
        rate = at.throughput.network_gb_per_second.interval.likely
        notes.append(f"A network of {rate:g} GB/s per GPU is assumed between machines.")
    return tuple(notes)


def _part(name: str, seconds: Seconds, formula: str, provenance: Provenance) -> TimePart:
    interval = Interval(
        low=seconds[0] / SECONDS_PER_HOUR,
        likely=seconds[1] / SECONDS_PER_HOUR,
        high=seconds[2] / SECONDS_PER_HOUR,
    )
    return TimePart(name=name, hours=interval, formula=formula, provenance=provenance)


def _times(factor: float, figure: Figure) -> Seconds:
    interval = figure.interval
    return factor * interval.low, factor * interval.likely, factor * interval.high


def _over(amount: float, figure: Figure) -> Seconds:
    interval = figure.interval
    return amount / interval.high, amount / interval.likely, amount / interval.low


def _overheads(work: Work, at: Setting, batch: Batch, speed: Interval) -> list[TimePart]:
    """What a job does beside training steps; a machine of one's own need not be provided."""
    known = at.throughput.overheads
    preparation, loading = _beforehand(work, known)
    parts = [] if at.gpu.provenance.kind == "measured" else [*preparation]
    parts.append(loading)
    if at.stack.id != "stock":
        source = known.compile_seconds.provenance
        parts.append(_part("compilation", _times(1.0, known.compile_seconds), "constant", source))
    if work.plan.evaluation_batch_size:
        parts.append(_evaluation(work, at, batch, speed))
    parts.append(_saving(work, known))
    return parts


_starts: dict[tuple[int, int, str], _Start] = {}


def _beforehand(work: Work, known: Overheads) -> tuple[Sequence[TimePart], TimePart]:
    """What comes before the first step; it rests on model and packing alone and is remembered."""
    key = (id(work.model), id(known), work.plan.quantisation)
    kept = _starts.get(key)
    if kept is None or kept.model is not work.model or kept.known is not known:
        if len(_starts) >= _KEPT:
            _starts.clear()
        parts = _preparation(work, known), _loading(work, known)
        _starts[key] = kept = _Start(work.model, known, *parts)
    return kept.preparation, kept.loading


def _preparation(work: Work, known: Overheads) -> list[TimePart]:
    size = CHECKPOINT_BYTES * work.model.parameters / GIGA
    rows = (
        ("provisioning", _times(1.0, known.provisioning_seconds), known.provisioning_seconds),
        ("environment", _times(1.0, known.environment_seconds), known.environment_seconds),
        ("download", _over(size, known.download_gb_per_second), known.download_gb_per_second),
    )
    formulas = ("constant", "constant", "2 bytes x parameters / download rate")
    return [
        _part(name, seconds, formula, figure.provenance)
        for (name, seconds, figure), formula in zip(rows, formulas, strict=True)
    ]


def _loading(work: Work, known: Overheads) -> TimePart:
    """Reading the weights, and packing them where that happens on loading."""
    size = CHECKPOINT_BYTES * work.model.parameters / GIGA
    low, likely, high = _over(size, known.load_gb_per_second)
    formula = "2 bytes x parameters / load rate"
    if work.plan.quantisation in {"nf4", "int8"}:
        packed = _times(work.model.parameters / GIGA, known.quantise_seconds_per_billion)
        low, likely, high = low + packed[0], likely + packed[1], high + packed[2]
        formula += " + seconds per billion parameters for quantising"
    return _part("loading", (low, likely, high), formula, known.load_gb_per_second.provenance)


def _evaluation(work: Work, at: Setting, batch: Batch, speed: Interval) -> TimePart:
    """Held-out tokens at a forward pass each, several times, with generation where asked for."""
    known = at.throughput.overheads
    held_out = epoch_tokens(work) * known.evaluation_share.interval.likely
    once = held_out * FORWARD_OVER_STEP / speed.likely
    generated = work.plan.generated_tokens
    if generated:
        each = batch.useful / work.sequences
        batches = held_out / each / ((work.plan.evaluation_batch_size or 1) * work.plan.gpus)
        once += batches * generated * decode_seconds(work, at)
    formula = "evaluations x held-out tokens / (3 x tokens per second)"
    seconds = _times(once, known.evaluations)
    return _part("evaluation", seconds, formula, known.evaluations.provenance)


def _saving(work: Work, known: Overheads) -> TimePart:
    """Trained weights and optimizer states once per epoch."""
    footprint = work.footprint
    trains_all = footprint.trainable_parameters >= work.model.parameters
    weights = footprint.base_weight_bytes if trains_all else footprint.adapter_weight_bytes
    size = (weights + footprint.optimizer_bytes) * max(round(work.plan.epochs), 1) / GIGA
    formula = "epochs x (trained weights + optimizer states) / save rate"
    figure = known.save_gb_per_second
    return _part("saving", _over(size, figure), formula, figure.provenance)
