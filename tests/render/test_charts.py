from __future__ import annotations

import re
import sys
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from advisor.render import charts
from advisor.render.charts import curve_chart, differences_chart, scores_chart
from advisor.render.charts_counts import counts_chart, histogram_chart
from advisor.render.charts_memory import memory_chart
from advisor.schema.base import ConfidenceInterval
from advisor.schema.dataset import Histogram
from advisor.schema.verify import Segment
from tests.fixtures import values as v

NAN = float("nan")
LOSSES = [(n, 4 / n) for n in range(1, 60)]


def svg(chart: str) -> ET.Element:
    return ET.fromstring(chart[: chart.index("</svg>") + 6])


def lines(chart: str, kind: str) -> list[list[tuple[float, float]]]:
    """The points of every line of a class."""
    found = []
    for group in svg(chart).iter("g"):
        if kind in (group.get("class") or "").split():
            for path in group.iter("path"):
                numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]
                found.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return found


def spoken(chart: str) -> str:
    return svg(chart).get("aria-label") or ""


def words(chart: str) -> list[str]:
    return [word.text or "" for word in svg(chart).iter("text")]


def segment(name: str, difference: float, spread: float | None, **changes: object) -> Segment:
    interval = None
    if spread is not None:
        interval = ConfidenceInterval(low=difference - spread, high=difference + spread, level=0.95)
    told = {
        "kind": "label", "name": name, "n": 40, "baseline": 0.5, "tuned": 0.5 + difference,
        "difference": difference, "interval": interval,
    }  # fmt: skip
    return Segment.model_validate(told | changes)


HISTOGRAM = Histogram(name="target_length", unit="tokens", edges=(0, 16, 32, 64), counts=(3, 0, 9))
ALL = {
    "scores": scores_chart([v.evaluation("rag", 0.5), v.evaluation("tuned", 0.7)], ["RAG", "t"], 0.6),
    "differences": differences_chart([segment("a", 0.1, 0.05), segment("b", -0.2, None)]),
    "memory": memory_chart([v.option()]),
    "histogram": histogram_chart(HISTOGRAM),
    "counts": counts_chart("Causes", [("not found", 3), ("other", 0)]),
    "curve": curve_chart({"loss": LOSSES, "dev": LOSSES[::7]}, marked_step=40, unit="nats"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_a_chart_is_plain_elements_with_the_pages_classes_and_spoken_figures(name: str) -> None:
    chart = ALL[name]
    root = svg(chart)
    assert root.get("role") == "img"
    assert len(spoken(chart)) > 20
    assert {node.tag for node in root.iter()} <= {
        "svg",
        "g",
        "path",
        "rect",
        "circle",
        "text",
        "title",
    }
    for node in root.iter():
        assert not {"id", "style", "onclick", "href", "fill"} & set(node.attrib)
    assert "xmlns" not in chart
    assert "pygal" not in chart


@pytest.mark.parametrize("name", ALL)
def test_nothing_lies_outside_the_chart(name: str) -> None:
    root = svg(ALL[name])
    _, _, wide, high = map(float, (root.get("viewBox") or "").split())
    assert wide == 440
    for node in root.iter():
        for side, most in (("x", wide), ("cx", wide), ("y", high), ("cy", high)):
            assert -8 <= float(node.get(side, "0")) <= most


def test_the_same_chart_whichever_xml_library_pygal_uses() -> None:
    from pygal.etree import etree

    made = {}
    try:
        for way in (etree.to_etree, etree.to_lxml):
            if way == etree.to_lxml and etree._lxml_etree is None:
                continue
            way()
            made[way.__name__] = curve_chart({"loss": LOSSES}, marked_step=3, unit="")
    finally:
        (etree.to_lxml if etree._lxml_etree is not None else etree.to_etree)()
    assert len(set(made.values())) == 1


def test_scores_intervals_and_target_stand_on_one_scale() -> None:
    evaluation = v.evaluation("rag", 0.5)
    chart = scores_chart([evaluation], ["RAG"], 0.6)
    (track,), (span,), (goal,) = (lines(chart, kind) for kind in ("track", "span", "goal"))
    left, right = track[0][0], track[1][0]

    def share(x: float) -> float:
        return (x - left) / (right - left)

    assert share(goal[0][0]) == pytest.approx(0.6, abs=1e-3)
    assert share(span[0][0]) == pytest.approx(evaluation.interval.low, abs=1e-3)
    assert share(span[1][0]) == pytest.approx(evaluation.interval.high, abs=1e-3)
    (dot,) = svg(chart).iter("circle")
    assert share(float(dot.get("cx", "0"))) == pytest.approx(0.5, abs=1e-3)
    assert "target 60.0 %" in words(chart)


def test_without_a_target_there_is_no_target_line() -> None:
    chart = scores_chart([v.evaluation("rag", 0.5)], ["RAG"], None)
    assert not lines(chart, "goal")
    assert "target unknown" in spoken(chart)


def test_the_tuned_model_has_a_colour_of_its_own() -> None:
    assert len(lines(ALL["scores"], "tuned")) == 1
    assert len(lines(ALL["scores"], "span")) == 2


def test_differences_lie_on_their_side_of_the_zero_line() -> None:
    chart = differences_chart([
        segment("better", 0.1, 0.02), segment("worse", -0.2, 0.05, is_worse=True),
    ])  # fmt: skip
    (zero,) = lines(chart, "zero")
    (better,), (worse,) = lines(chart, "tuned"), lines(chart, "worse")
    assert min(x for x, _ in better) > zero[0][0] > max(x for x, _ in worse)
    scale = [word for word in words(chart) if word.strip("+\u2212").isdigit()]
    assert scale == ["\u221240", "\u221220", "0", "+20", "+40"]
    assert spoken(chart) == (
        "Tuned minus baseline: better +10.0 points (+8.0 to +12.0); "
        "worse \u221220.0 points (\u221225.0 to \u221215.0), worse"
    )


def test_a_difference_without_interval_is_a_dot() -> None:
    chart = differences_chart([segment("few", 0.1, None, n=3)])
    assert not lines(chart, "span")
    assert len([*svg(chart).iter("circle")]) == 1
    assert "few (n = 3)" in words(chart)


def test_many_segments_are_drawn_in_part_and_that_is_told() -> None:
    chart = differences_chart([segment(f"s{n}", 0.0, 0.1) for n in range(charts.ROWS_DRAWN + 5)])
    assert len([*svg(chart).iter("circle")]) == charts.ROWS_DRAWN
    assert "5 more in the table" in spoken(chart)


def test_no_segments_no_chart() -> None:
    assert differences_chart([]) == ""
    assert scores_chart([], [], None) == ""


def test_the_memory_bars_add_up_to_the_likely_total() -> None:
    chart = memory_chart([v.option(headroom_gib=0.3)])
    parts = lines(chart, "seg")
    (track,) = lines(chart, "track")
    assert len(parts) == 4, "three terms, and what the process takes beyond them"
    for (_, end), (start, _) in pairwise(parts):
        assert end[0] == pytest.approx(start[0], abs=0.11)
    whole = (parts[-1][1][0] - parts[0][0][0]) / (track[1][0] - track[0][0])
    assert whole == pytest.approx(2.7 / 3.4, abs=1e-3)
    assert lines(chart, "goal"), "the card of 3.0 GiB stands within the scale"


def test_a_card_far_larger_than_the_bars_is_not_drawn() -> None:
    assert not lines(memory_chart([v.option(headroom_gib=20)]), "goal")


def test_every_term_has_the_colour_of_its_kind() -> None:
    terms = (v.term("weights", 1.0), v.term("reference model", 0.5), v.term("adapter", 0.5))
    chart = memory_chart([v.option(memory=v.memory(terms=terms))])
    drawn = re.findall(r'class="bar seg (k\d)"><title>([a-z ]+):', chart)
    assert drawn == [
        ("k0", "weights"),
        ("k0", "reference model"),
        ("k1", "adapter"),
        ("k7", "allocator and device context"),
    ]
    assert re.findall(r"</span>([a-z, ]+)</li>", chart) == [
        "weights", "adapters", "allocator, context",
    ]  # fmt: skip


def test_the_chart_has_a_bar_for_each_method_and_says_how_sure_the_fit_is() -> None:
    many = [v.option(gpu=f"g{n}") for n in range(9)]
    last = v.option(method="full", fits=False, probability_fits=0.0, headroom_gib=-1.0)
    chart = memory_chart([*many, last])
    assert len(lines(chart, "track")) == 6
    assert "full on l4-24gb" in words(chart)
    assert "2.70 of 2 GiB, does not fit, <1 %" in words(chart)


def test_a_curve_needs_two_finite_values() -> None:
    assert curve_chart({"a": []}, marked_step=None, unit="") == ""
    assert curve_chart({"a": [(1, 1.0)], "b": [(1, NAN), (2, 2.0)]}, marked_step=1, unit="") == ""
    flat = curve_chart({"a": [(1, 1.0), (2, 1.0)]}, marked_step=None, unit="")
    assert len(lines(flat, "curve")) == 1


def test_curves_fall_where_their_values_fall_and_meet_the_kept_step() -> None:
    told = {"train": [(0, 4.0), (50, 2.0), (100, 1.0)], "dev": [(0, 3.0), (100, 3.0)]}
    chart = curve_chart(told, marked_step=50, unit="nats")
    train, dev = lines(chart, "curve")
    assert [y for _, y in train] == sorted(y for _, y in train), "y grows downward"
    assert dev[0][1] == dev[1][1]
    (goal,) = lines(chart, "goal")
    assert goal[0][0] == train[1][0]
    assert "kept: step 50" in chart
    assert spoken(chart) == (
        "Train from 4.0 nats at step 0 to 1.0 nats at step 100; "
        "dev from 3.0 nats at step 0 to 3.0 nats at step 100; step 50 was kept"
    ).replace("; dev", "; Dev")


def test_a_single_unmarked_curve_needs_no_legend() -> None:
    assert "legend" not in curve_chart({"loss": LOSSES}, marked_step=None, unit="")


def test_shares_are_shown_as_percentages() -> None:
    chart = curve_chart({"right": [(1, 0.25), (9, 0.75)]}, marked_step=None, unit="%")
    assert {"25 %", "50 %", "75 %"} <= set(words(chart))


def test_a_long_curve_is_thinned_and_keeps_its_end() -> None:
    chart = curve_chart({"a": [(n, 1 / n) for n in range(1, 4001)]}, marked_step=None, unit="")
    (drawn,) = lines(chart, "curve")
    assert charts.CURVE_POINTS / 2 < len(drawn) <= charts.CURVE_POINTS + 1
    assert "at step 4,000" in spoken(chart)


def test_bars_of_a_histogram_are_as_high_as_their_counts() -> None:
    bars = [float(bar.get("height", "0")) for bar in svg(ALL["histogram"]).iter("rect")]
    assert bars[0] / bars[2] == pytest.approx(3 / 9, abs=0.02)
    assert bars[1] == 0
    assert "0\u201316: 3" in [tip.text for tip in svg(ALL["histogram"]).iter("title")]


def test_lying_bars_are_as_long_as_their_counts() -> None:
    chart = counts_chart("x", [("a", 10), ("b", 5), ("c", 0)])
    first, second = lines(chart, "k0")
    assert (second[1][0] - second[0][0]) / (first[1][0] - first[0][0]) == pytest.approx(
        0.5, abs=0.01
    )
    assert words(chart)[::2] == ["a", "b", "c"]


def test_drawing_leaves_no_finder_among_pythons_own() -> None:
    assert ALL["scores"]
    assert not [finder for finder in sys.meta_path if not hasattr(finder, "find_spec")]
