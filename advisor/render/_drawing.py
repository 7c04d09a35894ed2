"""The back room of the charts: pygal lays them out, and only what a page needs is kept of it.

pygal writes its own style sheet, script, ids and invisible tooltips into every chart. Here each
chart becomes plain elements with the page's own classes, from a short list of allowed ones.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement, tostring

from advisor.render.safe import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WIDTH = 440
"""Width of every chart in its own units; the page scales it."""
EDGE = 8
TOP = 6
AXIS_WORDS = 11
"""Size from which pygal reckons the room for words on an axis; the page's style sets the true."""
COUNT_WORDS = 9
"""The same for counts above bars; words of marks stand where their point is, so their size is 0."""
NEAR_THE_EDGE = 26
"""A word on the axis so near to the chart's edge is set from the edge inward."""
WORD_LIMIT = 120

_KEPT = {"svg", "g", "path", "rect", "circle", "text"}
_ATTRIBUTES = (
    "x", "y", "width", "height", "cx", "cy", "r", "d", "transform", "text-anchor",
)  # fmt: skip
_DECIMALS = re.compile(r"-?\d+\.\d+")
_SERIES = re.compile(r"\bserie-(\d+)\b")
_DROPPED = ("background", "tooltip", "titles", "legends")


@dataclass(frozen=True)
class Mark:
    """A line through points, dots on them, or a word at the first one."""

    kind: str
    """The class that gives it its colour."""
    points: tuple[tuple[float, float], ...]
    word: str = ""
    tip: str = ""
    """Shown when a pointer rests on it."""
    dot: float = 0.0
    """Radius of the dots; a line is drawn where it is 0."""


@dataclass(frozen=True)
class Plane:
    """The ranges of both axes, what is written along them, and the height of the chart."""

    across: tuple[float, float]
    upward: tuple[float, float]
    height: int
    across_words: tuple[tuple[float, str], ...] = ()
    upward_words: tuple[tuple[float, str], ...] = field(default=())


def draw_plane(marks: Sequence[Mark], plane: Plane, spoken: str) -> str:
    """Marks between two axes as SVG, with a spoken description."""
    chart = _pygal().XY(
        **_settings(plane.height),
        xrange=plane.across,
        range=plane.upward,
        allow_interruptions=True,
        formatter=lambda _value: "",
        print_labels=True,
        show_x_guides=True,
        show_x_labels=bool(plane.across_words),
        show_y_labels=bool(plane.upward_words),
        x_labels=[{"value": value, "label": word} for value, word in plane.across_words],
        y_labels=[{"value": value, "label": word} for value, word in plane.upward_words],
    )
    for mark in marks:
        has_dots = bool(mark.dot or mark.word)
        chart.add(
            None,
            [*_labelled(mark)],
            stroke=not has_dots,
            show_dots=has_dots,
            dots_size=mark.dot,
        )
    return _dressed(chart.render_tree(), [(mark.kind, mark.tip) for mark in marks], spoken)


def _labelled(mark: Mark) -> Iterator[dict[str, Any]]:
    for place, point in enumerate(mark.points):
        word = safe_text(mark.word, WORD_LIMIT) if place == 0 else ""
        yield {"value": point, "label": word}


@dataclass(frozen=True)
class Bars:
    """Upright bars: a name below each, and how many names there is room for."""

    names: tuple[str, ...]
    counts: tuple[int, ...]
    height: int
    every: int = 1
    """One name in so many is written."""
    is_counted: bool = True
    """Whether each bar's count stands above it."""
    widest: int = 80


def draw_bars(bars: Bars, kind: str, spoken: str) -> str:
    """Upright bars as SVG, with a spoken description."""
    free = WIDTH - 2 * EDGE - bars.widest * len(bars.names)
    chart = _pygal().Bar(
        **_settings(bars.height, COUNT_WORDS) | {"margin_right": EDGE + max(free, 0)},
        x_labels=[safe_text(name, WORD_LIMIT) for name in bars.names],
        x_labels_major=[safe_text(name, WORD_LIMIT) for name in bars.names[:: bars.every]],
        show_minor_x_labels=False,
        show_y_labels=False,
        formatter=lambda count: f"{count:,}" if count else "",
        print_values=bars.is_counted,
        print_values_position="top",
    )
    chart.add(None, list(bars.counts))
    return _dressed(chart.render_tree(), [(kind, "")], spoken)


def _pygal() -> Any:
    """The library, without the finder that it puts among Python's own for maps we do not draw.

    The finder is of a kind that Python no longer asks: every later import would warn of it.
    """
    import pygal  # noqa: PLC0415 - loaded only where a chart is drawn
    import pygal.style  # noqa: PLC0415 - loaded only where a chart is drawn

    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    return pygal


def _settings(height: int, words: int = 0) -> dict[str, Any]:
    """What every chart asks of pygal: no script, no legend, no title, our own edges."""
    return {
        "width": WIDTH, "height": height, "js": [], "no_prefix": True, "show_legend": False,
        "margin": EDGE, "margin_top": TOP, "spacing": 6, "truncate_label": -1,
        "style": _pygal().style.Style(
            value_font_size=words, label_font_size=AXIS_WORDS, major_label_font_size=AXIS_WORDS
        ),
    }  # fmt: skip


def _dressed(tree: Any, series: Sequence[tuple[str, str]], spoken: str) -> str:
    """The page's own SVG of a tree that pygal drew, made by lxml or by the standard library."""
    told = safe_text(spoken)
    size = str(tree.get("viewBox"))
    root = Element("svg", {"viewBox": size, "role": "img", "aria-label": told})
    for child in tree:
        _copy(child, root, lambda place: series[place])
    _place_words(root)
    return tostring(root, encoding="unicode", short_empty_elements=True)


def _copy(node: Any, parent: Element, series: Callable[[int], tuple[str, str]]) -> None:
    """Take over an element that is drawn, under the page's class."""
    if not isinstance(node.tag, str):
        return
    tag = node.tag.rpartition("}")[2]
    kind = node.get("class") or ""
    if tag not in _KEPT or kind.partition(" ")[0] in _DROPPED or "tooltip-overlay" in kind:
        return
    if tag == "circle" and float(node.get("r")) == 0:
        return
    made = Element(tag, {name: _short(node.get(name)) for name in _ATTRIBUTES if node.get(name)})
    place = _SERIES.search(kind)
    tip = _tip(node)
    if place is not None:
        name, tip = series(int(place[1]))
        made.set("class", name)
    elif "line" in kind.split() and "reactive" not in kind:
        made.set("class", "grid")
    elif kind.startswith("axis"):
        made.set("class", "axis across" if kind.startswith("axis x") else "axis upward")
    if tip:
        SubElement(made, "title").text = safe_text(tip, WORD_LIMIT)
    made.text = made.text or node.text
    for child in node:
        _copy(child, made, series)
    if tag != "g" or any(child.tag != "title" for child in made):
        parent.append(made)


def _tip(node: Any) -> str:
    """What pygal would show beside a bar: its name and its value."""
    told = {
        str(child.get("class")).partition(" ")[0]: child.text or ""
        for child in node
        if isinstance(child.tag, str) and child.tag.endswith("desc")
    }
    value = told.get("value", "")
    return f"{told['x_label']}: {value}" if value and "x_label" in told else value


def _short(number: str) -> str:
    """Numbers with one decimal: a tenth of a unit cannot be seen."""
    return _DECIMALS.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), number)


def _place_words(root: Element) -> None:
    """Words along the lower axis stay inside the chart."""
    for axis in root.iter("g"):
        if axis.get("class") != "axis across":
            continue
        for word in axis.iter("text"):
            where = float(word.get("x", "0")) + EDGE
            if where < NEAR_THE_EDGE:
                word.set("text-anchor", "start")
            elif where > WIDTH - NEAR_THE_EDGE:
                word.set("text-anchor", "end")
