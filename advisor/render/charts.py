"""Charts of scores, differences and curves, coloured by the page's style sheet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from advisor.render._drawing import Mark, Plane, draw_plane
from advisor.render.grid import short_number
from advisor.render.legend import legend
from advisor.render.safe import ELLIPSIS, percent, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from advisor.schema.evaluation import Evaluation
    from advisor.schema.verify import Segment

ROW = 44
"""Height of a row: its words, and its bar below them."""
FOOT = 26
"""Room for the words along the lower axis."""
WORDS_UP, BAR_UP = 0.5, 0.24
"""Where words and bar stand in a row, from its foot."""
NAME_LIMIT = 44
ROW_LETTERS = 48
"""Letters of common width that a row has room for on a phone, its name and figure together."""
FIGURE_LETTERS = 36
CURVE_HEIGHT = 220
CURVE_POINTS = 400
ROWS_DRAWN = 24
ROUND_ENDS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Ends of the scale of differences, each with a middle in whole points or tenths."""
_SLIM, _BROAD = frozenset(" .,:;'|!()[]ijltfr-"), frozenset("mw<>=+~@%&#_\u2212\u2026")
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def row_words(row: int, rows: int, name: str, figure: str, ends: tuple[float, float]) -> list[Mark]:
    """A row's name at its left and its figure at its right; rows count from the top."""
    up = rows - 1 - row + WORDS_UP
    said = fitted(figure, FIGURE_LETTERS)
    return [
        Mark("name", ((ends[0], up),), word=fitted(name, ROW_LETTERS - breadth(said))),
        Mark("figure", ((ends[1], up),), word=said),
    ]


def breadth(text: str) -> float:
    """Room that a text takes, in letters of common width; a guess, since fonts are the reader's."""
    return sum(map(_breadth, text))


def _breadth(letter: str) -> float:
    if letter in _SLIM:
        return 0.6
    if east_asian_width(letter) in "WF":
        return 1.8
    return 1.4 if letter.isupper() or letter in _BROAD else 1.05


def fitted(text: str, room: float) -> str:
    """The text, cut with an ellipsis where it takes more than the room."""
    shown = safe_text(text, ROW_LETTERS)
    if breadth(shown) <= room:
        return shown
    while shown and breadth(shown) > room - 1:
        shown = shown[:-1]
    return shown.rstrip() + ELLIPSIS


def row_bar(row: int, rows: int, reach: tuple[float, float], kind: str, tip: str = "") -> Mark:
    """A bar on a row."""
    up = rows - 1 - row + BAR_UP
    return Mark(kind, ((reach[0], up), (reach[1], up)), tip=tip)


def row_dot(row: int, rows: int, at: float, kind: str = "dot") -> Mark:
    """A dot on a row's bar."""
    return Mark(kind, ((at, rows - 1 - row + BAR_UP),), dot=5)


def rows_plane(
    rows: int, across: tuple[float, float], words: Sequence[tuple[float, str]], head: float = 0
) -> Plane:
    """The plane of so many rows, with room for words above them (in rows)."""
    height = round(ROW * (rows + head)) + (FOOT if words else 0)
    return Plane(across, (0, rows + head), height, tuple(words))


def scores_chart(
    evaluations: Sequence[Evaluation], names: Sequence[str], target: float | None
) -> str:
    """Every system's score with its interval on a scale from 0 to 100 %, and the target line."""
    rows = len(evaluations)
    if not rows:
        return ""
    ends = (0.0, 1.0)
    marks: list[Mark] = []
    for row, evaluation in enumerate(evaluations):
        low, high = evaluation.interval.low, evaluation.interval.high
        kind = "bar span tuned" if evaluation.builder == "tuned" else "bar span"
        tip = f"{names[row]}: {percent(evaluation.value)}, {percent(low)} to {percent(high)}"
        marks += row_words(row, rows, names[row], percent(evaluation.value), ends)
        marks.append(row_bar(row, rows, ends, "bar track"))
        marks.append(row_bar(row, rows, (low, high), kind, tip))
        marks.append(row_dot(row, rows, evaluation.value))
    if target is not None:
        marks.append(Mark("goal", ((target, 0), (target, rows + 0.1))))
        side = "from" if target < 0.2 else "to" if target > 0.8 else "mid"
        marks.append(
            Mark(f"goal-text {side}", ((target, rows + 0.16),), f"target {percent(target)}")
        )
    spoken = "; ".join(
        f"{name} {percent(e.value)} ({percent(e.interval.low)} to {percent(e.interval.high)})"
        for name, e in zip(names, evaluations, strict=True)
    )
    scale = [(mark, percent(mark, 0)) for mark in _QUARTERS]
    plane = rows_plane(rows, ends, scale, 0.0 if target is None else 0.5)
    level = percent(evaluations[0].interval.level, 0)
    said = f"Scores with {level} intervals: {spoken}; target {percent(target)}"
    return draw_plane(marks, plane, said)


def differences_chart(segments: Sequence[Segment]) -> str:
    """Tuned minus baseline on each segment, with its interval and the line of no difference.

    Nothing without segments; the first `ROWS_DRAWN` of more (the table holds all).
    """
    shown = list(segments[:ROWS_DRAWN])
    rows = len(shown)
    if not rows:
        return ""
    farthest = max(abs(edge) for segment in shown for edge in _edges(segment))
    reach = next((end for end in ROUND_ENDS if end >= farthest), farthest)
    ends = (-reach, reach)
    marks = [Mark("zero", ((0, 0), (0, rows)))]
    for row, segment in enumerate(shown):
        marks += _difference(segment, row, rows, ends)
    spoken = "; ".join(_spoken(segment) for segment in shown)
    left = len(segments) - rows
    more = f"; {left:,} more in the table" if left else ""
    words = [(at, _whole_points(at)) for at in (-reach, -reach / 2, 0, reach / 2, reach)]
    return draw_plane(marks, rows_plane(rows, ends, words), f"Tuned minus baseline: {spoken}{more}")


def _difference(segment: Segment, row: int, rows: int, ends: tuple[float, float]) -> Iterator[Mark]:
    n, difference = f" (n = {segment.n:,})", points(segment.difference)
    name = fitted(segment.name, ROW_LETTERS - len(n) - breadth(difference) - 1) + n
    yield from row_words(row, rows, name, difference, ends)
    yield row_bar(row, rows, ends, "bar track")
    low, high = _edges(segment)
    kind = "bar span worse" if segment.is_worse else "bar span tuned"
    if low < high:
        yield row_bar(row, rows, (low, high), kind, _spoken(segment))
    yield row_dot(row, rows, segment.difference, "dot worse" if segment.is_worse else "dot")


def _edges(segment: Segment) -> tuple[float, float]:
    if segment.interval is None:
        return segment.difference, segment.difference
    return segment.interval.low, segment.interval.high


def _spoken(segment: Segment) -> str:
    told = f"{safe_text(segment.name, NAME_LIMIT)} {points(segment.difference)} points"
    if segment.interval is not None:
        told += f" ({points(segment.interval.low)} to {points(segment.interval.high)})"
    return told + (", worse" if segment.is_worse else "")


def points(difference: float) -> str:
    """A difference of shares in points with its sign: '+4.2', '-57.3' with a minus sign, '0'."""
    shown = f"{100 * difference:+.1f}"
    return "0" if shown in ("+0.0", "-0.0") else shown.replace("-", "\u2212")


def _whole_points(share: float) -> str:
    """A mark on the scale: '+50', '-2.5' with a minus sign, '0'."""
    return f"{100 * share:+.3g}".replace("-", "\u2212") if share else "0"


def curve_chart(
    series: Mapping[str, Sequence[tuple[int, float]]], *, marked_step: int | None, unit: str
) -> str:
    """Values of one unit over training steps, one curve each, with the kept step marked.

    A series needs two finite values to be drawn; nothing where none has them. A unit of `%` takes
    shares of 1. Under several curves stands a legend.
    """
    drawn = {
        name: finite
        for name, values in series.items()
        if len(finite := [(step, value) for step, value in values if math.isfinite(value)]) > 1
    }
    if not drawn:
        return ""
    plane = _curve_plane(drawn, unit)
    marks = [
        Mark(f"curve c{number % 4}", tuple(_thinned(values)), tip=name)
        for number, (name, values) in enumerate(drawn.items())
    ]
    spoken = "; ".join(_spoken_curve(name, values, unit) for name, values in drawn.items())
    if marked_step is not None:
        marks.append(Mark("goal", ((marked_step, plane.upward[0]), (marked_step, plane.upward[1]))))
        spoken += f"; step {marked_step:,} was kept"
    return draw_plane(marks, plane, spoken) + _legend(drawn, marked_step)


def _curve_plane(drawn: Mapping[str, Sequence[tuple[int, float]]], unit: str) -> Plane:
    steps = [step for values in drawn.values() for step, _ in values]
    heights = [value for values in drawn.values() for _, value in values]
    first, last = min(steps), max(steps)
    low, high = min(heights), max(heights)
    if low == high:
        low, high = low - 0.5, high + 0.5
    middle = (first + last) // 2
    across = [(first, f"step {first:,}"), (last, f"{last:,}")]
    if first < middle < last:
        across.insert(1, (middle, f"{middle:,}"))
    upward = [(value, _told(value, unit)) for value in (low, (low + high) / 2, high)]
    return Plane((first, last), (low, high), CURVE_HEIGHT, tuple(across), tuple(upward))


def _told(value: float, unit: str) -> str:
    if unit == "%":
        return percent(value, 0)
    return f"{short_number(value)} {unit}".rstrip()


def _spoken_curve(name: str, values: Sequence[tuple[int, float]], unit: str) -> str:
    (first, start), (last, end) = values[0], values[-1]
    title = safe_text(name, NAME_LIMIT)
    title = f"{title[:1].upper()}{title[1:]}"
    begins = f"{_told(start, unit)} at step {first:,}"
    return f"{title} from {begins} to {_told(end, unit)} at step {last:,}"


def _thinned(values: Sequence[tuple[int, float]]) -> Iterator[tuple[float, float]]:
    step = math.ceil(len(values) / CURVE_POINTS)
    yield from values[::step]
    if (len(values) - 1) % step:
        yield values[-1]


def _legend(names: Mapping[str, object], marked_step: int | None) -> str:
    """What each kind of line means; nothing for a single one that nothing marks."""
    lines = [(f"curve c{number % 4}", name) for number, name in enumerate(names)]
    if marked_step is not None:
        lines.append(("goal", f"kept: step {marked_step:,}"))
    return legend(lines) if len(lines) > 1 else ""
