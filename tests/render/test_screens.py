from __future__ import annotations

from typing import Any

import pytest

from advisor.render.estimate import show_estimate, show_terms
from advisor.render.gate import show_gate
from advisor.render.matrix import show_matrix
from advisor.render.measured_grids import training_grid
from advisor.render.profile import show_profile
from advisor.render.report import show_demo, show_report
from advisor.render.training import show_training, sparkline
from advisor.schema.base import Interval
from advisor.schema.train import DevPoint, PlanChange, Preflight, Served
from tests.fixtures import proofs
from tests.fixtures import values as v
from tests.fixtures.estimates import hostile_estimate, priced_estimate
from tests.fixtures.reports import REPORTS, proved_report
from tests.fixtures.screens import screen

DEMO: list[dict[str, Any]] = [
    {
        "task": "manuals",
        "recommended": "rag",
        "gate": "stop",
        "verification": None,
        "baselines": {"zero_shot": 0.04, "few_shot": 0.11, "rag": 0.83},
        "tuned": None,
        "seconds": 34.2,
    },
    {
        "task": "tickets",
        "recommended": "rag_plus_fine_tuning",
        "gate": "train",
        "verification": "inconclusive",
        "baselines": {"zero_shot": 0.0, "few_shot": 1.0, "rag": 0.5},
        "tuned": 0.975,
        "seconds": 1184.2,
    },
]


SCREENS = {
    **{name: (show_report, make) for name, make in REPORTS.items()},
    "gate": (show_gate, lambda: REPORTS["hostile"]().gate),
    "training": (show_training, lambda: REPORTS["hostile"]().training),
    "profile": (show_profile, lambda: REPORTS["hostile"]().profile),
    "demo": (show_demo, lambda: DEMO),
    "demo with targets": (show_demo, lambda: [row | {"target": 0.85} for row in DEMO]),
    **{
        f"{name} {kind}": (show, make)
        for name, show in (
            ("estimate", show_estimate),
            ("explain", show_terms),
            ("matrix", show_matrix),
        )
        for kind, make in (("priced", priced_estimate), ("hostile", hostile_estimate))
    },
    "hostile demo": (show_demo, lambda: [DEMO[0] | {"task": v.HOSTILE, "recommended": v.HOSTILE}]),
}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("name", SCREENS)
def test_every_line_fits_eighty_columns_and_moves_no_cursor(name: str, encoding: str) -> None:
    show, make = SCREENS[name]
    out = screen(show, make(), encoding=encoding)
    assert out.strip()
    assert max(len(line) for line in out.splitlines()) <= 80
    assert not set(out) & {"\x1b", "\x00", "\u202e"}


def test_the_summary_leads_with_the_verdict_and_shows_every_system() -> None:
    out = screen(show_report, REPORTS["full"]())
    flat = " ".join(out.replace("│", " ").split())
    assert "Keep the tuned model: 97.0 % (90 % interval 95.0\u201399.0 %, n = 200)" in flat
    for word in ("zero-shot", "few-shot", "RAG", "tuned", "target 60.0 %", "✓", "fine-tuning"):
        assert word in out
    assert out.index("Keep the tuned model") < out.index("zero-shot") < out.index("✓")


def test_an_unknown_criterion_is_a_question_mark() -> None:
    assert "?   Cost within budget" in screen(show_gate, v.gate_verdict("stop"))


def test_an_unknown_target_is_said() -> None:
    assert "Target: unknown" in screen(show_gate, v.gate_verdict("collect", target=None))


def test_unmeasured_memory_and_rate_are_unknown_and_not_zero() -> None:
    out = screen(
        show_training, v.train_result(peak_memory_gib=None, tokens_per_second=None, loss=())
    )
    assert out.count("unknown") == 3


def test_the_dev_loss_is_shown_where_it_was_taken() -> None:
    out = screen(show_training, v.train_result(dev_loss_before=2.5, dev_loss_after=0.75))
    assert "2.500 to 0.750" in out
    assert "dev loss" not in screen(show_training, v.train_result())


def test_the_profile_lists_known_facts_with_their_source_and_unknown_ones_apart() -> None:
    out = screen(show_profile, v.profile())
    known, unknown = out.split("Unknown (")
    assert "data.labelled_samples" in known
    assert "dataset" in known
    assert "constraints.latency_ms" not in known
    assert "constraints.latency_ms" in unknown


def test_the_demo_shows_each_task_in_its_own_line_and_warns_of_its_model() -> None:
    out = screen(show_demo, DEMO[:1])
    row = next(line for line in out.splitlines() if "manuals" in line)
    assert row.split() == ["manuals", "4.0", "11.0", "83.0", "-", "stop", "-", "RAG", "34", "s"]
    assert "do not predict those of a real model" in " ".join(out.split())


def test_a_task_that_reached_no_verdict_says_unknown() -> None:
    out = screen(show_demo, [{"task": "x", "baselines": {}, "gate": None, "seconds": None}])
    row = next(line for line in out.splitlines() if line.split()[:1] == ["x"])
    assert row.split() == ["x", "-", "-", "-", "-", "unknown", "-", "unknown", "unknown"]


def test_a_sparkline_runs_from_least_to_largest_and_marks_what_is_no_number() -> None:
    assert sparkline([0.0, 1.0], 10) == "▁█"
    assert sparkline([1.0, float("nan"), 0.0], 10) == "█!▁"
    assert sparkline([2.0, 2.0], 10) == "▁▁"
    assert len(sparkline([float(n) for n in range(1000)], 40)) == 40


def test_training_tells_what_was_kept_what_was_seen_and_what_was_changed() -> None:
    result = v.train_result(
        metric="exact_match",
        evaluations=(
            DevPoint(step=0, loss=2.0, score=0.0),
            DevPoint(step=30, loss=1.0, score=0.5),
            DevPoint(step=60, loss=0.9, score=0.4),
        ),
        kept_step=30,
        kept_by="best exact_match on the dev split (0.500) of 2 looks",
        ended_early="nothing better on the dev split in 1 look after step 30",
        resumed_from_step=12,
        served_by=Served(backend="transformers", model="runs/x/training/0123/final"),
        restored=("the weights", "the random state"),
        preflight=Preflight(
            estimated_memory_gib=Interval(low=0.8, likely=0.9, high=1.1),
            changes=(PlanChange(field="micro_batch_size", planned=4, used=2, why="memory"),),
            seconds=12.0,
        ),
        steps_seconds=100.0,
        evaluation_seconds=20.0,
        usd=1.25,
    )
    for out in (screen(show_training, result), "\n".join(map(str, training_grid(result).rows))):
        lowered = " ".join(out.split()).lower()
        assert "step 30: best exact_match" in lowered
        assert "runs/x/training/0123/final" in lowered
        assert "time in steps, looks and saving" in lowered
        assert "time of the pre-flight" in lowered
        assert "12 s" in lowered
        assert "0.000 before, 0.500 at 30, 0.400 at 60" in lowered
        assert "2.000 before, 1.000 at 30, 0.900 at 60" in lowered
        assert "nothing better on the dev split" in lowered
        assert "12, with the weights, the random state" in lowered
        assert "0.90 gib (0.80 to 1.10)" in lowered
        assert "4 to 2: memory" in lowered
        assert "20 s in looks" in lowered
        assert "1.25" in lowered


def test_what_got_worse_elsewhere_has_a_line_each():
    out = screen(show_report, REPORTS["proved"](), width=100)
    assert "Worse: label refund: 80.0 % to 50.0 % (-30.0 points, n = 60)" in out
    assert "Worse: general text: 0.085 to 1.1 nats per token" in out
    assert "Worse: latency, from 0.085 to 1.1" in out
    assert "Unknown: refund, refund" in out
    assert "Recommended:" not in out, "what was advised was tried and is discarded"


def test_what_is_let_pass_is_told_with_the_users_reason():
    proof = proofs.vetoed(verdict="keep", tolerated="those are routed elsewhere")
    out = screen(show_report, proved_report(verification=proof), width=100)
    assert "Tolerated: those are routed elsewhere" in out
    assert "Recommended:" in out
