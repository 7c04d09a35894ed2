"""Segments, probes and how sure a verification is, on a terminal."""

import io

from advisor.render.evaluation import show_verification
from advisor.render.report import show_worse
from advisor.render.terminal import make_console
from advisor.render.verification import SHOWN, chosen_segments
from advisor.schema.base import ConfidenceInterval
from advisor.schema.probe import ProbeFinding
from advisor.schema.verify import EstimateCheck, Regression, Segment
from tests.fixtures import values as make

LOSS = ProbeFinding(
    probe="general_text", kind="loss", unit="nats per token", higher_is_better=False, before=0.085,
    after=1.1, worse_by=1.0, p_value=0.0002, allowed=0.1, n=120, is_worse=True,
)  # fmt: skip
FORMAT = ProbeFinding(
    probe="json", kind="format", before=0.9, after=None, allowed=0.05, n=40, p_value=None
)


def segment(name="refund", **changes):
    plain = {
        "kind": "label",
        "name": name,
        "n": 60,
        "baseline": 0.8,
        "tuned": 0.6,
        "difference": -0.2,
        "interval": ConfidenceInterval(low=-0.3, high=-0.1, level=0.9),
        "p_value": 0.004,
        "is_worse": True,
    }
    return Segment(**plain | changes)


def shown(**changes):
    stream = io.StringIO()
    show_verification(make_console(stream, color=False), make.verification(**changes))
    return stream.getvalue()


def test_segments_probes_and_error_rates_are_shown_in_80_columns():
    text = shown(
        verdict="inconclusive",
        segments=(segment(), segment(make.HOSTILE, n=12, p_value=None, is_worse=False)),
        probes=(LOSS, FORMAT),
        regressions=(
            Regression(what=make.HOSTILE, before=0.8, after=0.6, kind="segment", vetoes=True),
        ),
        more_items=1234,
        error_rates={"baselines": 0.05, "segments": 0.05},
        tolerated=make.HOSTILE,
    )
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text
    assert "\u202e" not in text
    flat = " ".join(text.split())
    for told in (
        "label: refund 60 80.0 % 60.0 % -20.0 0.004 yes",
        "few not tested",
        "general_text 120 0.085 nats 1.1 nats +0.1 nats < 0.001 yes",
        "40 90.0 % unknown -5 points - not",
        "About 1,234 more test samples would decide it",
        "False alarms: of 100 runs in which nothing differs, at most 5 call a baseline different",
        "tuned model, at most 5 call some segment worse.",
        "are tolerated: red",
    ):
        assert told in flat, told


def test_worse_segments_come_first_then_losses_then_the_largest_of_the_untested():
    tested = [segment(f"t{at}", difference=at / 100, is_worse=False) for at in range(5)]
    few = [segment(f"f{n}", n=n, p_value=None, is_worse=False) for n in (5, 25, 9)]
    found = chosen_segments([*few, *tested, segment("bad", difference=0.5)])
    assert [one.name for one in found] == ["bad", "t0", "t1", "t2", "t3", "t4", "f25", "f9"]
    many = chosen_segments([segment(f"b{at}") for at in range(SHOWN + 3)])
    assert len(many) == SHOWN + 3


def test_of_many_segments_it_says_how_many_are_shown():
    text = shown(segments=tuple(segment(f"s{at}", is_worse=False) for at in range(20)))
    assert "8 of 20 segments" in text


def test_a_probe_stands_in_80_columns_whole_and_its_note_below():
    longest = FORMAT.model_copy(update={
        "probe": "questions nobody can answer", "kind": "hallucination", "n": 12345, "after": 1.0,
        "p_value": 0.0001, "is_worse": True, "higher_is_better": False, "before": 1.0,
        "note": "3 were answered before and not after: they count as wrong.",
    })  # fmt: skip
    floor = FORMAT.model_copy(update={"nothing_to_lose": True, "after": 0.0, "before": 0.0})
    text = shown(probes=(longest, floor, LOSS))
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
    flat = " ".join(text.split())
    assert "12,345 100.0 % 100.0 % +5 points < 0.001 yes" in flat
    assert "0.0 % 0.0 % -5 points - nothing" in flat
    assert "to lose" in flat
    assert "Nats: loss in nats per token, less is better." in flat
    told = "questions nobody can answer (made-up answers): 3 were answered before"
    assert told in flat


def test_the_report_on_a_terminal_names_what_could_not_be_lost():
    floor = FORMAT.model_copy(update={"nothing_to_lose": True, "worse_by": 0.0, "note": "At 0."})
    known = LOSS.model_copy(update={"is_worse": False})
    stream = io.StringIO()
    show_worse(make_console(stream, color=False), make.verification(probes=(floor, known)))
    assert "Unknown: json, At 0." in stream.getvalue()
    assert "general_text" not in stream.getvalue()


def test_what_is_outside_its_estimate_is_told_by_how_much():
    speed = EstimateCheck(
        id="tokens_per_second", quantity="speed", unit="tokens/s", estimated_low=698.0,
        estimated_likely=907.0, estimated_high=1179.0, measured=2717.0, inside=False,
    )  # fmt: skip
    flat = " ".join(shown(estimate_vs_measured=(speed,)).split())
    assert "Outside the estimated range: speed was 3 times the estimate." in flat
    inside = speed.model_copy(update={"inside": True})
    assert "Outside the estimated" not in shown(estimate_vs_measured=(inside,))


def test_what_vetoes_is_answered_with_yes_and_no_and_an_unpriced_machine_costs_nothing_known():
    checks = tuple(
        EstimateCheck(
            id="cost_usd", quantity="cost", unit="USD", estimated_low=0.0, estimated_likely=usd,
            estimated_high=0.0, measured=usd, inside=True,
        )
        for usd in (0.0, 2.5)
    )  # fmt: skip
    worse = Regression(what="label x", before=0.8, after=0.6, kind="segment", vetoes=True)
    calm = worse.model_copy(update={"what": "label y", "vetoes": False})
    flat = " ".join(shown(regressions=(worse, calm), estimate_vs_measured=checks).split())
    assert "label x 80.0 % 60.0 % yes label y 80.0 % 60.0 % no" in flat
    assert "cost (USD) own machine, not priced ?" in flat
    assert "2.50 \N{CHECK MARK}" in flat


def test_forgetting_that_nobody_measured_is_told():
    told = "Forgetting was not measured"
    assert told in " ".join(shown(verdict="discard", probes=(FORMAT,)).split())
    assert told not in " ".join(shown(verdict="discard", probes=(LOSS,)).split())


def test_without_segments_and_probes_nothing_is_said_of_them():
    text = shown()
    assert "Segment" not in text
    assert "Probe" not in text
    assert "would decide" not in text
