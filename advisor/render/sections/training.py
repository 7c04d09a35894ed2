"""What training took, with the curves of loss and metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.blocks import Bullets, Chart, Section, Table, Text
from advisor.render.charts import curve_chart
from advisor.render.grid import Grid
from advisor.render.measured_grids import training_grid
from advisor.render.safe import UNKNOWN, percent, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.render.blocks import Block
    from advisor.schema.report import Report
    from advisor.schema.train import DevPoint, TrainResult

LOOKS_SHOWN = 30
LOSS = "Loss by step"


def training(report: Report) -> Section | None:
    """Figures, curves and remarks; nothing where nothing was trained."""
    found = report.training
    return None if found is None else Section("Training", tuple(_blocks(found)))


def _blocks(found: TrainResult) -> Iterator[Block]:
    kept = found.kept_step
    yield Chart(LOSS, lambda: curve_chart(losses(found), marked_step=kept, unit=""))
    name = words(found.metric) or "metric"
    scores = {name: _series(found.evaluations, "score")}
    title = f"{name[:1].upper()}{name[1:]} on the dev part by step"
    yield Chart(title, lambda: curve_chart(scores, marked_step=kept, unit="%"))
    if len(found.evaluations) > 1:
        yield Table(looks_grid(found), "Looks at the dev part")
    else:
        yield Text(
            "The course on the dev part is unknown: no looks were taken on the way.", is_quiet=True
        )
    yield Table(training_grid(found), "What training took")
    if found.notes:
        yield Bullets(found.notes)


def losses(found: TrainResult) -> dict[str, list[tuple[int, float]]]:
    """Training loss, and dev loss where looks were taken; before and after where only those are."""
    dev = _series(found.evaluations, "loss")
    before, after = found.dev_loss_before, found.dev_loss_after
    if len(dev) < 2 and before is not None and after is not None:
        dev = [(0, before), (found.kept_step or found.steps, after)]
    name = "dev" if len(found.evaluations) > 1 else "dev, before and after only"
    return {"train": [(point.step, point.loss) for point in found.loss], name: dev}


def _series(points: tuple[DevPoint, ...], name: str) -> list[tuple[int, float]]:
    return [(p.step, value) for p in points if (value := getattr(p, name)) is not None]


def looks_grid(found: TrainResult) -> Grid:
    """Dev loss and metric at each look, with the kept one named; of many the last ones."""
    rows = tuple(
        (
            f"{point.step:,}" if point.step else "before",
            UNKNOWN if point.loss is None else f"{point.loss:.4f}",
            UNKNOWN if point.score is None else percent(point.score),
            "yes" if point.step and point.step == found.kept_step else "",
        )
        for point in found.evaluations[-LOOKS_SHOWN:]
    )
    name = words(found.metric) or "metric"
    headers = ("Step", "Dev loss", f"{name[:1].upper()}{name[1:]} on dev", "Kept")
    return Grid(headers, rows, right=(1, 2))
