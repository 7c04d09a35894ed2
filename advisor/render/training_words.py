"""What there is to say of a training beyond plain figures: looks, what was kept and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import usd_text
from advisor.render.safe import amount, words
from advisor.units import short_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from advisor.schema.train import DevPoint, TrainResult

MOST_LOOKS = 8
TIME = "time in steps, looks and saving"
"""Start-up, pre-flight and keeping the model come on top."""
DEV = "dev loss, before to after"
GENERAL = "loss on general text, before to after"
BRIEF = (DEV, "kept", "ended early", GENERAL)
"""What one line on a training tells of it."""


def brief(result: TrainResult) -> str:
    """Method, steps, losses and what was kept, in one line."""
    told = [f"{result.trainer}, {words(result.method)}", f"{result.steps:,} steps"]
    if result.loss:
        told.append(f"loss {result.loss[0].loss:.3f} to {result.loss[-1].loss:.3f}")
    told += [f"{label} {text}" for label, text in told_rows(result) if label in BRIEF]
    return "; ".join(told)


def told_rows(result: TrainResult) -> Iterator[tuple[str, str]]:
    """Label and text of everything that the training has to tell; nothing for what it has not."""
    if result.dev_loss_before is not None and result.dev_loss_after is not None:
        change = f"{result.dev_loss_before:.3f} to {result.dev_loss_after:.3f}"
        yield DEV, change
    if result.kept_step is not None:
        yield "kept", f"step {result.kept_step:,}: {result.kept_by}"
    if result.ended_early:
        yield "ended early", result.ended_early
    yield from _looks(result)
    if result.general_loss_before is not None and result.general_loss_after is not None:
        change = f"{result.general_loss_before:.3f} to {result.general_loss_after:.3f}"
        yield GENERAL, change
    yield from _preflight(result)
    if result.resumed_from_step is not None:
        taken_up = f", with {', '.join(result.restored)}" if result.restored else ""
        yield "resumed from step", f"{result.resumed_from_step:,}{taken_up}"
    if result.processes > 1:
        yield "processes", str(result.processes)
    yield from _cost(result)


def _looks(result: TrainResult) -> Iterator[tuple[str, str]]:
    looks = [point for point in result.evaluations if point.step > 0]
    if any(point.score is not None for point in looks):
        name = words(result.metric) or "metric"
        yield f"{name} on the dev split", _course(result.evaluations, "score")
    if any(point.loss is not None for point in looks):
        yield "dev loss at each look", _course(result.evaluations, "loss")


def _course(points: Sequence[DevPoint], name: str) -> str:
    """A value at each look; of many looks the first and the last few."""
    shown = [
        f"{value:.3f} {f'at {point.step:,}' if point.step else 'before'}"
        for point in points
        if (value := getattr(point, name)) is not None
    ]
    if len(shown) > MOST_LOOKS:
        shown = [*shown[:2], "...", *shown[-MOST_LOOKS + 2 :]]
    return ", ".join(shown)


def _preflight(result: TrainResult) -> Iterator[tuple[str, str]]:
    found = result.preflight
    if found is None:
        return
    expected = found.estimated_memory_gib
    if expected is not None and result.peak_memory_gib is not None:
        span = f"{expected.likely:.2f} GiB ({expected.low:.2f} to {expected.high:.2f})"
        yield "memory estimated", span
    if found.probed_memory_gib is not None:
        yield "memory of the longest batch", amount(found.probed_memory_gib, "GiB")
    for change in found.changes:
        told = f"{change.planned} to {change.used}: {change.why}"
        yield f"changed before training: {change.field}", told


def _cost(result: TrainResult) -> Iterator[tuple[str, str]]:
    aside = [
        f"{short_duration(seconds)} {label}"
        for seconds, label in (
            (result.steps_seconds, "in steps"),
            (result.evaluation_seconds, "in looks"),
            (result.saving_seconds, "saving"),
        )
        if seconds
    ]
    if len(aside) > 1:
        yield "of that time", ", ".join(aside)
    if result.preflight is not None and result.preflight.seconds:
        yield "time of the pre-flight, before it", short_duration(result.preflight.seconds)
    if result.usd is not None:
        yield "cost", usd_text(result.usd)
