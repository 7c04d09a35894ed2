from __future__ import annotations

import pytest

from advisor.schema.base import Provenance
from advisor.schema.evaluation import Usage
from advisor.schema.probe import OF_TEST_PART
from advisor.schema.purse import Bill, TokenPrice
from advisor.stages.report.costs import costs, known
from advisor.stages.report.failures import counted, failures
from advisor.stages.report.payback import payback
from advisor.stages.report.turning import changes
from tests.fixtures import proofs
from tests.fixtures import values as v
from tests.fixtures.reports import full_report, proved_report, stopped_report


def scored(builder: str, **values: float):
    scores = tuple(
        v.scored(int(name.removeprefix("s")), value, f"{builder} says")
        for name, value in values.items()
    )
    return v.evaluation(builder, 0.5, n=len(scores), scores=scores)


BEST = scored("rag", s0=1.0, s1=0.0, s2=1.0, s3=0.2, s4=1.0)
TUNED = scored("tuned", s0=1.0, s1=1.0, s2=0.0, s3=0.5)


def test_samples_are_told_apart_by_what_tuning_did_to_them():
    found = failures(BEST, TUNED, v.samples(5))
    assert {f.sample_id: f.outcome for f in found} == {
        "s2": "broken", "s3": "still_wrong", "s1": "fixed",
    }  # fmt: skip
    assert counted(BEST, TUNED) == {"broken": 1, "still_wrong": 1, "fixed": 1}
    broken = found[0]
    assert (broken.input, broken.target) == ("question 2", "answer 2")
    assert (broken.baseline.system, broken.baseline.text, broken.baseline.score) == (
        "rag", "rag says", 1.0,
    )  # fmt: skip
    assert broken.tuned is not None
    assert (broken.tuned.text, broken.tuned.score) == ("tuned says", 0.0)


def test_a_sample_that_only_one_was_asked_or_that_has_no_score_is_not_compared():
    unscored = TUNED.scores[1].model_copy(update={"unscored": True})
    tuned = TUNED.model_copy(update={"scores": (TUNED.scores[0], unscored)})
    assert counted(BEST, tuned) == {}


def test_without_a_tuned_model_the_best_baselines_wrong_answers_stand_alone():
    found = failures(BEST, None, ())
    assert [(f.sample_id, f.outcome, f.tuned) for f in found] == [
        ("s1", "wrong", None), ("s3", "wrong", None),
    ]  # fmt: skip


def test_the_worst_come_first_and_equally_bad_ones_are_drawn_by_the_seed():
    best = v.evaluation("rag", 0.0, n=50)
    shown = [tuple(f.sample_id for f in failures(best, None, (), seed=seed)) for seed in (0, 0, 1)]
    assert shown[0] == shown[1] != shown[2]
    assert shown[0] != tuple(f"s{n}" for n in range(8))
    graded = scored("rag", s0=0.9, s1=0.1, s2=0.5)
    assert [f.sample_id for f in failures(graded, None, ())] == ["s1", "s2", "s0"]


def test_on_this_machine_without_its_price_no_part_is_called_free():
    lines = costs(v.baselines(), v.train_result(), v.verification())
    assert {line.what: line.usd for line in lines} == {
        "answers of the baselines": None,
        "embedding of samples and documents": None,
        "training": None,
        "answers of the tuned model": None,
    }
    assert all(line.because for line in lines)
    assert known(lines) is None


def test_an_hours_price_turns_measured_hours_into_money():
    lines = costs(v.baselines(), v.train_result(), v.verification(), usd_per_hour=3.6)
    money = {line.what: line.usd for line in lines}
    assert money["training"] == pytest.approx(132 / 3600 * 3.6)
    assert money["answers of the baselines"] == pytest.approx(600 * 0.0125 / 3600 * 3.6)
    assert money["embedding of samples and documents"] is None
    assert known(lines) == pytest.approx(0.132 + 0.0075 + 0.0025)


def test_the_trainers_own_bill_goes_before_hours_and_price():
    lines = costs(None, v.train_result(usd=4.5), None, usd_per_hour=3.6)
    assert [(line.what, line.usd) for line in lines] == [("training", 4.5)]


def bought(builder: str, usd: float | None):
    usage = Usage(prompt_tokens=12_000, completion_tokens=1600, usd=usd)
    return v.evaluation(builder, 0.8, usage=usage)


def billed(*evaluations):
    price = TokenPrice(
        prompt_usd_per_million=1,
        completion_usd_per_million=2,
        provenance=Provenance(kind="table", source="somewhere"),
    )
    bill = Bill(price=price, calls_planned=1, calls_cached=0)
    return v.baselines().model_copy(
        update={"evaluations": evaluations, "best": evaluations[0].builder, "bill": bill}
    )


def test_paid_answers_are_summed_and_one_unknown_makes_the_sum_unknown():
    (line,) = costs(billed(bought("zero_shot", 1.5), bought("few_shot", 2.0)), None, None)
    assert line.usd == 3.5
    (line,) = costs(billed(bought("zero_shot", 1.5), bought("few_shot", None)), None, None)
    assert line.usd is None
    assert "price" in line.because


def test_tuning_pays_back_where_a_tuned_answer_is_cheaper():
    baselines = billed(bought("few_shot", 2.0))
    training = v.train_result(usd=9.0, served_by={"backend": "openai", "model": "ft:x"})
    proof = v.verification(tuned=bought("tuned", 0.2))
    lines = costs(baselines, training, proof)
    found = payback(baselines, proof, training, lines)
    assert found is not None
    assert found.prompted.usd_per_thousand == pytest.approx(10)
    assert found.tuned.usd_per_thousand == pytest.approx(1)
    assert found.answers == pytest.approx(1000)
    assert found.never is False


def test_tuning_never_pays_back_where_a_tuned_answer_costs_as_much():
    baselines = billed(bought("few_shot", 2.0))
    training = v.train_result(usd=9.0, served_by={"backend": "openai", "model": "ft:x"})
    proof = v.verification(tuned=bought("tuned", 2.0))
    found = payback(baselines, proof, training, costs(baselines, training, proof))
    assert found is not None
    assert (found.never, found.answers) == (True, None)


def test_break_even_is_unknown_where_a_price_is():
    made = full_report()
    assert made.payback is not None
    assert (made.payback.never, made.payback.answers) == (None, None)
    assert "--usd-per-hour" in made.payback.because
    assert stopped_report().payback is None


def test_a_kept_model_says_how_much_smaller_a_gain_would_not_be_kept():
    (told,) = changes(None, v.baselines(), v.verification())
    assert "66.0 points smaller" in told


def test_an_inconclusive_verdict_says_how_many_samples_and_how_large_a_gain_would_decide():
    close = v.comparison(
        "rag", "tuned", difference=0.02, interval=proofs.span(-0.03, 0.07), p_value=0.4
    )
    proof = v.verification(
        "inconclusive", comparisons=(close,), more_items=310, target=0.99, target_met=False
    )
    told = changes(v.gate_verdict("train"), v.baselines(), proof)
    assert told[0].startswith("About 310 more test samples")
    assert "3.0 points larger" in told[1]
    assert "target of 99.0 %" in told[2]


def test_a_veto_is_named_in_the_headline_in_one_sentence_and_in_what_would_change_it():
    made = proved_report("refund")
    assert made.headline.startswith(
        "Discard the tuned model: it got worse at refund, from 0.085 to 1.1; on the task 97.0 %"
    )
    assert made.headline.count(". ") == 0
    assert any("refund" in line for line in made.changes)
    assert "less harm" in made.next_step


def test_a_plain_loss_on_the_task_is_no_harm_elsewhere():
    behind = proofs.regression("exact_match of rag", kind="baseline", before=0.83, after=0.5)
    proof = v.verification("discard", tuned=v.evaluation("tuned", 0.5), regressions=(behind,))
    made = full_report(verification=proof)
    assert made.headline.startswith("Discard the tuned model: 50.0 %")
    assert "got worse" not in made.headline
    assert "also ahead" not in made.headline
    assert made.next_step == "Keep the best baseline; read the failures before another attempt."
    assert not any("discarded for what got worse" in line for line in made.changes)


def test_another_baseline_that_is_ahead_is_named():
    behind = proofs.regression("exact_match of few_shot", kind="baseline", before=1.0, after=0.85)
    proof = v.verification("discard", regressions=(behind,))
    made = full_report(verification=proof)
    assert "also ahead: exact_match of few_shot, from 100.0 % to 85.0 %." in made.headline


def test_a_probe_is_told_in_its_own_unit():
    worse = proofs.regression("probe 'general text'")
    made = proved_report(verification=proofs.vetoed(regressions=(worse,)))
    assert "probe 'general text', from 0.085 to 1.1 nats per token; on the task" in made.headline


def test_a_kept_model_that_forgot_says_so_where_that_is_let_pass():
    worse = proofs.regression("label 'x'", kind="segment", before=0.9, after=0.4, vetoes=False)
    proof = proofs.vetoed(verdict="keep", regressions=(worse,), tolerated="we route these")
    made = proved_report(verification=proof)
    assert made.headline.startswith("Keep the tuned model: 97.0 %")
    assert made.headline.endswith(
        "; it got worse at label 'x', from 90.0 % to 40.0 %, which is tolerated."
    )


def test_a_keep_says_that_forgetting_was_not_measured():
    own = proofs.probe("refusals", source=OF_TEST_PART, is_worse=False)
    told = "; whether it forgot anything beside the task was not measured."
    unknown = proofs.vetoed(verdict="keep", regressions=(), probes=(own,))
    assert proved_report(verification=unknown).headline.endswith(told)
    known = proofs.vetoed(verdict="keep", regressions=(), probes=(proofs.probe(is_worse=False),))
    assert told not in proved_report(verification=known).headline


def test_a_kept_model_is_exported_next():
    assert "`advisor export --run-dir runs/m --to merged`" in full_report().next_step


def test_every_kind_of_figure_says_where_it_is_from():
    made = proved_report()
    kinds = {figure.figure: figure.provenance.kind for figure in made.figures}
    assert kinds["scores, tokens and latencies of the baselines"] == "measured"
    assert kinds["differences to the baselines"] == "computed"
    assert kinds["probe general text"] == "measured"
    assert kinds["price of l4-24gb at somecloud"] == "table"
    assert kinds["cost of training"] == "computed"
    dates = {figure.figure: figure.provenance.as_of for figure in made.figures}
    assert dates["score of the tuned model"] == "2026-11-26"
    assert dates["data check"] == "2026-11-26"
    assert dates["price of l4-24gb at somecloud"] == "2026-11-20"


def test_a_source_that_only_a_figure_cites_travels_too():
    source = proofs.source("somecloud-prices")
    assert source in stopped_report(sources=(source,)).sources
