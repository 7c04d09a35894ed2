from __future__ import annotations

import pytest

from advisor.render.markdown import to_markdown
from advisor.schema.base import ConfidenceInterval
from advisor.stages.report import report
from tests.fixtures import values as v
from tests.fixtures.reports import SOURCES, early_report, full_report, stopped_report


def test_before_measurement_the_headline_says_so() -> None:
    assert early_report().headline == "Advice before any measurement: RAG."


def test_when_no_rule_fired_nothing_is_recommended() -> None:
    decision = v.decision(approaches=(), recommended=None)
    made = early_report(decision=decision)
    assert made.headline == "Not enough is known to recommend an approach."
    assert made.recommended is None


def test_a_met_target_is_told_with_score_interval_and_samples() -> None:
    assert stopped_report().headline == (
        "Do not train: RAG meets the target of 60.0 % with 83.0 % (90 % interval 78.6\u201387.4 %, n = 200); "
        "recommended: RAG."
    )


def test_the_recommended_baseline_is_named_where_a_dearer_one_scores_higher() -> None:
    made = stopped_report(
        baselines=v.baselines({"zero_shot": 0.9, "few_shot": 0.95}),
        gate=v.gate_verdict("stop", recommended="prompting"),
    )
    assert "zero-shot meets the target of 60.0 % with 90.0 %" in made.headline


def test_a_stop_for_another_reason_tells_that_reason() -> None:
    made = stopped_report(
        baselines=v.baselines({"zero_shot": 0.1}),
        gate=v.gate_verdict("stop", because="No tuning option fits."),
    )
    assert made.headline == "Do not train: No tuning option fits."


def test_a_score_above_target_whose_interval_does_not_clear_it_is_not_called_met() -> None:
    evaluation = v.evaluation(
        "rag", 0.62, interval=ConfidenceInterval(low=0.56, high=0.68, level=0.9)
    )
    baselines = v.baselines().model_copy(update={"evaluations": (evaluation,), "best": "rag"})
    made = stopped_report(
        baselines=baselines, gate=v.gate_verdict("stop", because="The gap cannot be seen.")
    )
    assert "meets" not in made.headline


def test_collect_says_what_is_missing() -> None:
    made = stopped_report(gate=v.gate_verdict("collect", because="Only 12 train samples."))
    assert made.headline == "Do not train yet, collect data first: Only 12 train samples."


def test_a_warranted_training_that_has_not_run_is_told_with_the_best_baseline() -> None:
    made = stopped_report(gate=v.gate_verdict("train"), baselines=v.baselines({"few_shot": 0.41}))
    assert made.headline.startswith(
        "Training is warranted: the best baseline, few-shot, reaches 41.0 %"
    )
    assert made.headline.endswith("the target is 60.0 %.")


def test_a_training_without_verification_is_not_called_a_success() -> None:
    made = stopped_report(gate=v.gate_verdict("train"), training=v.train_result())
    assert made.headline.startswith("Trained, not verified yet")


@pytest.mark.parametrize(
    ("verdict", "start"),
    [
        ("keep", "Keep the tuned model: 97.0 %"),
        ("discard", "Discard the tuned model: 97.0 %"),
        ("inconclusive", "The tuned model is not shown to be better: 97.0 %"),
    ],
)
def test_the_verification_speaks_last(verdict: str, start: str) -> None:
    made = full_report(verification=v.verification(verdict))
    assert made.headline.startswith(start)
    assert (
        "against 83.0 % (90 % interval 78.6\u201387.4 %, n = 200) for RAG; target 60.0 %"
        in made.headline
    )


def test_the_recommendation_is_the_gates_once_there_is_one() -> None:
    assert early_report().recommended == "rag"
    assert full_report().recommended == "fine_tuning"


def test_failures_of_samples_not_at_hand_keep_question_and_answer_unknown() -> None:
    first = stopped_report(samples=()).failures[0]
    assert first.input is None
    assert first.target is None
    assert first.baseline.text == "an answer"


def test_perfect_answers_give_no_failures() -> None:
    assert stopped_report(baselines=v.baselines({"rag": 1.0})).failures == ()


def test_only_cited_sources_travel() -> None:
    other = SOURCES[0].model_copy(update={"id": "never-cited"})
    assert stopped_report(sources=(*SOURCES, other)).sources == SOURCES


def test_each_warning_is_told_once_in_the_order_of_the_stages() -> None:
    made = report(
        name="x",
        run_dir="r",
        profile=v.profile(notes=("b",)),
        decision=v.decision(warnings=("c", "a")),
        baselines=v.baselines(warnings=("d",)),
        warnings=("a",),
    )
    assert made.warnings == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("verdict", "words"),
    [("keep", "Serve the tuned model"), ("discard", "best baseline"), ("inconclusive", "Add test")],
)
def test_the_next_step_follows_the_verification(verdict, words):
    made = report(
        name="n",
        run_dir="runs/n",
        profile=v.profile(),
        decision=v.decision(),
        gate=v.gate_verdict("train"),
        training=v.train_result(),
        verification=v.verification(verdict),
    )
    assert words in made.next_step


def test_before_training_the_next_step_is_to_start_it():
    made = report(
        name="n",
        run_dir="runs/n",
        profile=v.profile(),
        decision=v.decision(),
        gate=v.gate_verdict("train"),
    )
    assert "advisor train" in made.next_step


def test_a_kept_model_below_the_target_is_not_simply_served():
    made = report(
        name="n",
        run_dir="runs/n",
        profile=v.profile(),
        decision=v.decision(),
        gate=v.gate_verdict("train"),
        training=v.train_result(),
        verification=v.verification("keep", target_met=False),
    )
    assert "short of the target" in made.next_step


def test_measured_baselines_without_a_gate_are_no_advice_before_any_measurement():
    made = stopped_report(gate=None)
    assert made.headline.startswith(
        "Measured, not judged yet: the best baseline, RAG, reaches 83.0 %"
    )
    assert "before any measurement" not in made.headline
    assert made.next_step == "Let the gate judge: `advisor gate --run-dir runs/m`."
    assert early_report().headline.startswith("Advice before any measurement")


OVERRIDDEN = {
    "gate": None,
    "baselines": None,
    "training": v.train_result(dev_loss_before=5.365, dev_loss_after=0.128),
    "override": "we want to see",
}


def test_a_training_without_a_gate_speaks_in_headline_next_step_and_commands():
    made = stopped_report(**OVERRIDDEN)
    assert made.headline == (
        "Trained without asking the gate, not verified yet: the dev loss went from 5.365 to 0.128."
    )
    assert "`advisor baseline --run-dir runs/m`, then `advisor verify" in made.next_step
    told = to_markdown(made)
    assert "## Training" in told
    assert "advisor train --run-dir runs/m --override-gate 'we want to see'" in told


def test_a_training_against_the_gate_speaks_only_where_the_user_said_why():
    training = v.train_result()
    made = stopped_report(training=training, override="to compare")
    assert made.headline.startswith("Trained although the gate says stop, not verified yet: the be")
    assert made.next_step == "Verify it: `advisor verify --run-dir runs/m`."
    unasked = stopped_report(training=training)
    assert unasked.headline.startswith("Do not train")
    assert unasked.training == training


def test_a_reward_model_is_tuned_by_and_not_verified():
    made = early_report(training=v.train_result(objective="reward"))
    assert "--objective grpo" in made.next_step
