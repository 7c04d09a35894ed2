import json

import pytest

from advisor.schema.decide import Decision, Gain, RankedApproach, Setting
from benchmarks.decisions import calibration, collect, fixed_orders, metrics
from benchmarks.decisions.bootstrap import interval95, paired
from benchmarks.decisions.judge import judged
from benchmarks.decisions.ranking import SECOND_FAMILY, Answer, answer_of
from benchmarks.decisions.table import is_same_model, read_lines
from benchmarks.decisions.votes import mean


def row(name="a-1", source="a", measured=None, acceptable=("peft",), **other):
    arms = measured or {"zero_shot": 60.0, "qlora": 80.0}
    content = {
        "id": name,
        "year": 2024,
        "source": {"url": source},
        "task_kind": "classification",
        "scenario": {},
        "measured": {
            arm: {"metric": "accuracy", "value": value, "model": None}
            for arm, value in arms.items()
        },
        "value_kind": "absolute",
        "best_family": [acceptable[0]],
        "acceptable_families": list(acceptable),
        "clearly_worse": [],
        "weight": 1.0,
    }
    [found] = read_lines([json.dumps(content | other)]).rows
    return found


def decision(*approaches, **other):
    return Decision(
        approaches=approaches,
        recommended=approaches[0].approach,
        margin=1.0,
        close_call=False,
        next_step="",
        **other,
    )


def ranked(approach, probability=None, **other):
    return RankedApproach(approach=approach, score=0, probability_acceptable=probability, **other)


def test_the_first_measured_family_is_judged():
    verdict = judged(row(), Answer(("rag", "prompt", "peft"), first=("rag",)))
    assert verdict.picked == "prompt"
    assert verdict.figures == {
        "acceptable": 0,
        "top": 0,
        "regret": 20.0,
        "harm": 1.0,
        "first_measured": 0.0,
    }


def test_an_arm_the_source_calls_clearly_worse_is_harm_below_ten_points():
    arms = {"zero_shot": 72.0, "zero_shot_small": 20.0, "qlora": 80.0}
    harmed = row(measured=arms, clearly_worse=["zero_shot", "zero_shot_small"])
    spared = row(measured=arms, clearly_worse=["zero_shot_small"])
    assert judged(harmed, Answer(("prompt",))).figures["harm"] == 1
    assert judged(spared, Answer(("prompt",))).figures["harm"] == 0


def test_regret_and_harm_need_one_metric_in_points():
    relative = row(value_kind="relative")
    assert judged(relative, Answer(("prompt",))).figures.keys() == {
        "acceptable",
        "top",
        "first_measured",
    }


def test_lower_may_be_better():
    errors = row(measured={"zero_shot": 9.0, "qlora": 4.0}, lower_is_better=True)
    assert judged(errors, Answer(("prompt",))).figures["regret"] == 5.0


def test_brier_is_over_all_measured_families():
    verdict = judged(row(), Answer(("peft", "prompt"), {"peft": 0.8, "rag": 0.9}))
    assert verdict.figures["brier"] == pytest.approx((0.2**2 + 0.0**2) / 2)
    assert verdict.confidence == 0.8


def test_a_source_has_one_vote_and_weights_count_inside_it():
    right, wrong = Answer(("peft",)), Answer(("prompt",))
    verdicts = [
        judged(row("a-1", "a", weight=3.0), right),
        judged(row("a-2", "a", weight=1.0), wrong),
        judged(row("b-1", "b"), wrong),
    ]
    assert mean(verdicts, "acceptable") == pytest.approx((0.75 + 0) / 2)
    assert mean(verdicts, "regret") == pytest.approx((5 + 20) / 2)
    assert metrics.summary(verdicts)["coverage"] == 1.0
    assert metrics.summary([*verdicts, judged(row("c-1", "c"), None)])["coverage"] == 0.75


def test_the_bootstrap_is_the_same_every_time_and_holds_the_mean():
    verdicts = [
        judged(row(f"{n}", f"{n}"), Answer(("peft",) if n % 3 else ("prompt",))) for n in range(30)
    ]
    low, high = interval95(verdicts, "acceptable")
    assert low < mean(verdicts, "acceptable") < high
    assert [low, high] == interval95(verdicts, "acceptable")


def test_a_policy_is_paired_with_another_over_sources():
    rows = [row(f"{n}", f"{n}") for n in range(20)]
    ours = [judged(r, Answer(("peft",) if n < 15 else ("prompt",))) for n, r in enumerate(rows)]
    theirs = [judged(r, Answer(("peft",) if n < 10 else ("prompt",))) for n, r in enumerate(rows)]
    found = paired(ours, theirs)
    assert found["acceptable_gain"] == 0.25
    assert found["closed_gap"] == 0.5
    assert found["acceptable_gain_ci90"][0] > 0
    assert found["closed_gap_above_0"] > 0.98
    same = paired(ours, ours)
    assert same["acceptable_gain"] == same["closed_gap"] == 0
    assert same["acceptable_gain_above_0"] == 0


def test_reliability_compares_what_was_told_with_what_came_true():
    answer = Answer(("peft", "prompt"), {"peft": 0.95, "prompt": 0.25})
    verdicts = [
        judged(row("1", "1"), answer),
        judged(row("2", "2", acceptable=("prompt",)), answer),
    ]
    found = calibration.reliability(verdicts)
    assert [(b["from"], b["told"], b["came_true"]) for b in found["bins"]] == [
        (0.2, 0.25, 0.5),
        (0.9, 0.95, 0.5),
    ]
    assert found["ece"] == pytest.approx((0.25 + 0.45) / 2)
    assert found["by_family"]["peft"] == {"n": 2, "told": 0.95, "came_true": 0.5}


def test_the_surest_answers_are_kept_first():
    verdicts = [judged(row(f"{n}", f"{n}"), Answer(("peft",), {"peft": 0.9})) for n in range(8)] + [
        judged(row(f"{n}", f"{n}"), Answer(("prompt",), {"prompt": 0.2})) for n in (8, 9)
    ]
    assert calibration.selective(verdicts)["80%"] == 1.0
    assert calibration.selective(verdicts)["100%"] == 0.8


def test_expected_gains_are_held_against_measured_ones():
    gain = Gain(low=5, likely=15, high=25, basis="")
    far = Gain(low=30, likely=40, high=50, basis="")
    answer = Answer(("peft",), gains={"fine_tuning": gain, "rag": gain, "prompting": gain})
    one, other = judged(row("1", "1"), answer), judged(row("2", "2"), Answer((), gains={}))
    assert [(f.approach, f.error, f.is_covered) for f in one.forecasts] == [
        ("fine_tuning", 5, True)
    ]
    missed = judged(row("3", "3"), Answer(("peft",), gains={"fine_tuning": far}))
    found = calibration.gain_forecast([one, other, missed])
    assert found == {"n": 2, "sources": 2, "mae": 12.5, "coverage_80": 0.5}


def test_misses_are_listed_dearest_first():
    cheap = judged(row("cheap", measured={"zero_shot": 77, "qlora": 80}), Answer(("prompt",)))
    dear = judged(row("dear"), Answer(("prompt",)))
    right = judged(row("right"), Answer(("peft",)))
    assert [m["id"] for m in metrics.misses([cheap, right, dear])] == ["dear", "cheap"]
    assert metrics.misses([dear])[0]["acceptable"] == ["peft"]


def test_of_prompting_and_few_shot_the_first_counts_with_the_greater_chance():
    answer = answer_of(
        decision(ranked("few_shot", 0.3), ranked("rag", 0.6), ranked("prompting", 0.5))
    )
    assert answer.families == ("prompt", "rag")
    assert answer.chances == {"prompt": 0.5, "rag": 0.6}
    assert answer.first == ("prompt",)


def test_forbidden_approaches_come_last_with_no_chance():
    answer = answer_of(decision(ranked("rag", 0.9, forbidden=True), ranked("long_context", 0.2)))
    assert answer.families == ("long_context", "rag")
    assert answer.chances == {"long_context": 0.2, "rag": 0.0}


@pytest.mark.parametrize(
    ("other", "order"),
    [
        ({"methods": ("lora",)}, ("peft", "full_ft", "ft_unspecified", "icl_plus_ft")),
        ({"methods": ("full", "lora")}, ("full_ft", "peft", "ft_unspecified", "icl_plus_ft")),
        (
            {"settings": (Setting(key="train_on_shots", value=True, rule_id="x"),)},
            ("icl_plus_ft", "peft", "full_ft", "ft_unspecified"),
        ),
    ],
)
def test_the_first_method_orders_the_families_of_fine_tuning(other, order):
    answer = answer_of(decision(ranked("fine_tuning", 0.8), **other))
    assert answer.families == order
    assert answer.chances[order[0]] == 0.8
    assert answer.chances[order[-1]] == pytest.approx(0.8 * SECOND_FAMILY)


def test_a_decision_without_chances_tells_none():
    assert answer_of(decision(ranked("rag"))).chances == {}


def test_the_best_fixed_order_and_its_rates_are_found():
    rows = [row(f"p{n}", f"p{n}", acceptable=("prompt",)) for n in range(3)]
    rows += [row(f"t{n}", f"t{n}") for n in range(2)]
    cases = [r.case for r in rows]
    order = fixed_orders.best_order(cases)
    assert order.index("prompt") < order.index("peft")
    rates = fixed_orders.base_rates(cases)
    assert rates["prompt"] == pytest.approx((3 + 0.5) / 6)
    answers = fixed_orders.fixed_answers(rows, cases[:4], fixed_orders.rate_order)
    assert answers["p0"].families.index("prompt") < answers["p0"].families.index("peft")


def test_models_are_told_apart_by_name_size_and_kind():
    def arms(**models):
        return {"measured": {arm: {"value": 1, "model": m} for arm, m in models.items()}}

    assert is_same_model(arms(zero_shot="Mistral-7B", rag="Mistral-7B"))
    assert is_same_model(arms(zero_shot=None, lora="rank 16"))
    assert not is_same_model(arms(zero_shot="GPT-4", lora="Mistral-7B"))
    assert not is_same_model(arms(zero_shot="GPT-4", lora="tuned"))
    assert not is_same_model(arms(zero_shot=None, small_encoder_ft=None))
    assert not is_same_model(arms(zero_shot="Llama-3-70B", cpt="8B"))
    assert is_same_model(arms(few_shot="Llama-2-7B", rag="same model + datastore"))


def test_collecting_keeps_facts_and_figures(tmp_path, capsys):
    content = {
        "id": "a",
        "title": "T",
        "lesson": "L",
        "year": 2024,
        "task_kind": "sql",
        "source": {"url": "u", "citation": "C"},
        "scenario": {"latency": None, "n_labeled_examples": 3},
        "measured": {"rag": {"metric": "m", "value": 1.0, "model": "x", "note": "n"}},
        "weight": 1.0,
    }
    cases, out = tmp_path / "cases.jsonl", tmp_path / "out.jsonl"
    cases.write_text(json.dumps(content) + "\n", encoding="utf-8")
    assert collect.main(["--cases", str(cases), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("1 rows of 1 sources")
    kept = json.loads(out.read_text(encoding="utf-8"))
    assert kept["scenario"] == {"n_labeled_examples": 3}
    assert kept["measured"] == {"rag": {"metric": "m", "value": 1.0}}
    assert "title" not in kept
    assert kept["source"] == {"url": "u"}
