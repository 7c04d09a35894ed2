"""What training took and produced, on a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from advisor.render.terminal import (
    amount,
    make_table,
    only_ascii,
    plain,
    show_warnings,
    words,
)
from advisor.render.training_words import TIME, told_rows
from advisor.units import short_count, short_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from advisor.schema.train import LossPoint, TrainResult

LEVELS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = "_.-=+*#@"
CURVE_WIDTH = 40


def show_training(console: Console, result: TrainResult) -> None:
    """Trainer, method, steps, loss curve, memory, rate, time and where the result lies."""
    table = make_table("Training", "")
    for label, value in _facts(result, ascii_only=only_ascii(console)):
        table.add_row(label, plain(value))
    console.print(table)
    show_warnings(console, result.notes)


def _facts(result: TrainResult, *, ascii_only: bool) -> list[tuple[str, str]]:
    rate = result.tokens_per_second
    facts = [
        ("trainer", result.trainer),
        ("method", f"{words(result.method)}, objective {result.objective}"),
        ("samples", f"{result.train_samples:,}"),
        ("steps", f"{result.steps:,}"),
        ("trainable parameters", short_count(result.trainable_parameters)),
        ("loss", loss_line(result.loss, ascii_only=ascii_only)),
        ("peak memory", f"{amount(result.peak_memory_gib, 'GiB')} ({result.memory_tier})"),
        ("tokens per second", amount(rate, digits=0)),
        (TIME, short_duration(result.wall_seconds)),
        ("seed", str(result.seed)),
        ("versions", ", ".join(f"{name} {number}" for name, number in result.versions.items())),
        ("model", result.served_by.model),
    ]
    facts[-3:-3] = told_rows(result)
    return facts


def loss_line(points: Sequence[LossPoint], *, ascii_only: bool = False) -> str:
    """First and last loss with the curve between them; 'unknown' when nothing was logged."""
    losses = [point.loss for point in points]
    if not losses:
        return "unknown"
    curve = sparkline(losses, CURVE_WIDTH, ascii_only=ascii_only)
    return f"{losses[0]:.3f} {curve} {losses[-1]:.3f}"


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """At most `width` values as small bars between their least and largest finite value."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    step = max(math.ceil(len(values) / width), 1)
    levels = ASCII_LEVELS if ascii_only else LEVELS
    least, span = min(finite), max(finite) - min(finite)
    return "".join(
        levels[round((value - least) / span * (len(levels) - 1)) if span else 0]
        if math.isfinite(value)
        else "!"
        for value in values[::step]
    )
