"""Charts as inline SVG, coloured by the page's style sheet, each with a spoken description."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from advisor.render.safe import percent, safe_text

if TYPE_CHECKING:
    from advisor.schema.evaluation import Evaluation
    from advisor.schema.train import LossPoint

WIDTH = 440
EDGE = 8
ROW = 46
CURVE_HEIGHT = 200
CURVE_POINTS = 400


def attribute(text: object, limit: int | None = None) -> str:
    """Text made safe for an element or an attribute."""
    return escape(safe_text(text, limit), quote=True)


def frame(height: float, label: str, body: Iterable[str]) -> str:
    """An SVG of the house's width with a spoken description."""
    spoken = attribute(label)
    start = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{spoken}">'
    return f"{start}<title>{spoken}</title>{''.join(body)}</svg>"


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    """One line of text."""
    classes = f' class="{kind}"' if kind else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place}{classes}>{attribute(words)}</text>"


def box(x: float, y: float, wide: float, kind: str, tip: str = "") -> str:
    """A bar of the house's height, with a tip on hover."""
    tip = f"<title>{attribute(tip)}</title>" if tip else ""
    size = f'x="{x:.1f}" y="{y:.1f}" width="{max(wide, 0):.1f}" height="12"'
    return f'<rect {size} class="{kind}">{tip}</rect>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} class="{kind}"/>'


def along(share: float) -> float:
    """The x of a share of the width between the edges."""
    return EDGE + min(max(share, 0.0), 1.0) * (WIDTH - 2 * EDGE)


def scores_chart(
    evaluations: Sequence[Evaluation], names: Sequence[str], target: float | None
) -> str:
    """Every system's score with its interval on a scale from 0 to 100 %, and the target line."""
    top, bottom = 20.0, 20.0 + ROW * len(evaluations)
    body = []
    for mark in (0, 0.25, 0.5, 0.75, 1):
        anchor = "start" if mark == 0 else "end" if mark == 1 else "middle"
        body.append(line(along(mark), top, along(mark), bottom, "grid"))
        body.append(text(along(mark), bottom + 14, percent(mark, 0), anchor=anchor, kind="small"))
    for number, evaluation in enumerate(evaluations):
        body.extend(_score_row(evaluation, names[number], top + ROW * number))
    if target is not None:
        body.append(line(along(target), top - 4, along(target), bottom, "goal"))
        anchor = "start" if target < 0.2 else "end" if target > 0.8 else "middle"
        body.append(
            text(along(target), 12, f"target {percent(target)}", anchor=anchor, kind="goal-text")
        )
    spoken = "; ".join(
        f"{name} {percent(e.value)} ({percent(e.interval.low)} to {percent(e.interval.high)})"
        for name, e in zip(names, evaluations, strict=True)
    )
    return frame(bottom + 22, f"Scores: {spoken}; target {percent(target)}", body)


def _score_row(evaluation: Evaluation, name: str, y: float) -> list[str]:
    low, high = along(evaluation.interval.low), along(evaluation.interval.high)
    kind = "span tuned" if evaluation.builder == "tuned" else "span"
    return [
        text(EDGE, y + 16, name),
        text(WIDTH - EDGE, y + 16, percent(evaluation.value), anchor="end"),
        box(EDGE, y + 22, WIDTH - 2 * EDGE, "track"),
        box(low, y + 22, max(high - low, 1), kind),
        f'<circle cx="{along(evaluation.value):.1f}" cy="{y + 28:.1f}" r="5" class="dot"/>',
    ]


def loss_chart(points: Sequence[LossPoint]) -> str:
    """Training loss over steps; empty when fewer than two finite values were logged."""
    finite = [point for point in points if math.isfinite(point.loss)]
    if len(finite) < 2:
        return ""
    step = math.ceil(len(finite) / CURVE_POINTS)
    drawn = [*finite[::step], finite[-1]]
    least, most = min(p.loss for p in finite), max(p.loss for p in finite)
    first, last = finite[0], finite[-1]
    left, floor, top = 52.0, CURVE_HEIGHT - 24.0, 10.0

    def height(loss: float) -> float:
        return floor - (loss - least) / ((most - least) or 1) * (floor - top)

    def across(at: int) -> float:
        return left + (at - first.step) / ((last.step - first.step) or 1) * (WIDTH - EDGE - left)

    body = []
    for mark in (least, (least + most) / 2, most):
        body.append(line(left, height(mark), WIDTH - EDGE, height(mark), "grid"))
        body.append(text(left - 6, height(mark) + 4, f"{mark:.3g}", anchor="end", kind="small"))
    body.append(text(left, CURVE_HEIGHT - 6, f"step {first.step}", kind="small"))
    body.append(
        text(WIDTH - EDGE, CURVE_HEIGHT - 6, f"step {last.step}", anchor="end", kind="small")
    )
    way = " ".join(f"{across(p.step):.1f},{height(p.loss):.1f}" for p in drawn)
    body.append(f'<polyline points="{way}" class="curve"/>')
    spoken = f"Training loss from {first.loss:.3f} at step {first.step} to {last.loss:.3f}"
    return frame(CURVE_HEIGHT, f"{spoken} at step {last.step}", body)
