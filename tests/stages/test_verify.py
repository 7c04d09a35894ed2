from decimal import Decimal

import pytest

from advisor.errors import StaleArtifactError
from advisor.evaluation.compare import exact_mcnemar
from advisor.evaluation.intervals import proportion_interval
from advisor.schema.probe import OF_TEST_PART, ProbeFinding
from advisor.stages.verify import Evidence, estimate_vs_measured, verify
from advisor.stages.verify.stage import UNKNOWN_ELSEWHERE
from tests.fixtures import values as make


def system(name, scores, texts=(), **changes):
    n = len(scores)
    told = texts or ["an answer"] * n
    return make.evaluation(
        name,
        value=sum(scores) / n,
        n=n,
        interval=proportion_interval(round(sum(scores)), n),
        scores=tuple(
            make.scored(at, *one) for at, one in enumerate(zip(scores, told, strict=True))
        ),
        manifest=make.manifest(samples=n),
        **changes,
    )


def pair(both, only_best, only_tuned, neither):
    """Best baseline and tuned model from the four cells of their table."""
    best = [1.0] * (both + only_best) + [0.0] * (only_tuned + neither)
    tuned = [1.0] * both + [0.0] * only_best + [1.0] * only_tuned + [0.0] * neither
    return best, tuned


def verified(
    best,
    tuned,
    *,
    others=(),
    target=None,
    estimate=None,
    samples=(),
    probes=(),
    tolerated="",
    texts=None,
    **changes,
):
    said = texts or {}
    systems = [system("rag", best, said.get("rag", ())), *others]
    baselines = make.baselines().model_copy(update={"evaluations": tuple(systems), "best": "rag"})
    evidence = Evidence(
        tuned=system("tuned", tuned, said.get("tuned", ()), **changes),
        baselines=baselines,
        samples=samples,
        probes=probes,
        result=make.train_result(),
        estimate=estimate,
    )
    return verify(evidence, target=target, tolerated=tolerated)


def test_clearly_better_is_kept():
    fine = probe(after=0.08, worse_by=-0.005, is_worse=False)
    found = verified(*pair(100, 4, 60, 36), target=0.7, probes=(fine,))
    assert found.verdict == "keep"
    assert found.target_met is True
    assert found.warnings == ()
    (comparison,) = found.comparisons
    assert (comparison.a, comparison.b) == ("rag", "tuned")
    assert "80.0 % against 52.0 % for RAG" in found.because
    assert "+28.0 points" in found.because


def test_better_but_below_the_target_is_kept_with_a_warning():
    found = verified(*pair(100, 4, 60, 36), target=0.85)
    assert found.verdict == "keep"
    assert found.target_met is False
    assert "better than every baseline, yet below the target" in found.warnings[0]


def test_without_a_target_nothing_is_said_of_it():
    found = verified(*pair(100, 4, 60, 36))
    assert found.target is None
    assert found.target_met is None


def test_worse_is_discarded_and_listed_as_a_regression():
    found = verified(*pair(100, 40, 5, 55))
    assert found.verdict == "discard"
    assert "not better" in found.because
    (regression,) = found.regressions
    assert regression.before == pytest.approx(0.7)
    assert regression.after == pytest.approx(0.525)


def test_equal_with_room_for_no_gain_is_discarded():
    found = verified(*pair(190, 2, 2, 6))
    assert found.verdict == "discard"
    assert "smaller than 5 points" in found.because


def test_too_few_samples_are_inconclusive_and_say_how_many_would_do():
    found = verified(*pair(10, 3, 6, 11))
    assert found.verdict == "inconclusive"
    assert f"about {found.more_items} more test samples would decide it" in found.because
    assert "(95 % interval -9.8 to" in found.because
    # 30 % of samples change sides, by 10 points: Connor's n is 233 at 5 %; the interval is wider
    assert 203 <= found.more_items <= 240


def test_inconclusive_without_a_gain_does_not_promise_one():
    found = verified(*pair(10, 6, 5, 9))
    assert found.verdict == "inconclusive"
    assert "unlikely to show a gain" in found.because
    assert f"about {found.more_items} more test samples to rule one out" in found.because


def test_several_baselines_are_corrected_after_holm():
    best, tuned = pair(100, 12, 30, 58)
    zero = system("zero_shot", [0.0] * 200)
    found = verified(best, tuned, others=[zero])
    by_name = {c.a: c for c in found.comparisons}
    assert by_name["rag"].p_value == pytest.approx(exact_mcnemar(12, 30))
    assert by_name["zero_shot"].p_value == pytest.approx(2 * exact_mcnemar(0, 130), abs=1e-12)
    assert found.verdict == "keep"


def test_other_samples_are_refused():
    with pytest.raises(StaleArtifactError):
        verified([1.0] * 20, [1.0] * 21)


def test_new_failures_are_a_regression_and_a_warning():
    found = verified(*pair(100, 4, 60, 36), failures=3)
    assert [r.what for r in found.regressions] == ["samples without an answer"]
    assert "3 of 200 samples got no answer" in " ".join(found.warnings)


def test_estimate_and_measurement_stand_side_by_side():
    result = make.train_result(peak_memory_gib=2.5, wall_seconds=3600.0, tokens_per_second=900.0)
    memory, time, speed, cost = estimate_vs_measured(make.option(), result)
    assert (memory.quantity, memory.unit) == ("process memory", "GiB")
    assert (memory.estimated_likely, memory.measured, memory.inside) == (2.7, 2.5, True)
    assert (time.measured, time.inside) == (1.0, True)
    assert (speed.estimated_likely, speed.measured) == (1200, 900.0)
    assert cost.estimated_likely == 1


def test_an_hour_here_has_no_price_of_an_hour_on_a_rented_card():
    cost = estimate_vs_measured(make.option(), make.train_result(wall_seconds=3600.0))[3]
    assert (cost.estimated_likely, cost.measured, cost.inside) == (1.0, None, None)
    paid = estimate_vs_measured(make.option(gpu="local"), make.train_result(wall_seconds=3600.0))
    assert paid[3].measured == pytest.approx(0.8)


@pytest.mark.parametrize(("tokens", "inside"), [(None, None), (40_000, True)])
def test_speed_is_judged_only_where_the_estimate_counted_real_tokens(tokens, inside):
    option = make.option(plan=make.plan(tokens=tokens))
    speed = estimate_vs_measured(option, make.train_result(tokens_per_second=900.0))[2]
    assert (speed.measured, speed.inside) == (900.0, inside)


@pytest.mark.parametrize(
    ("tier", "likely"), [("allocated", 2.0), ("reserved", 2.2), ("process", 2.7)]
)
def test_memory_is_compared_in_the_tier_it_was_measured_in(tier, likely):
    found = estimate_vs_measured(make.option(), make.train_result(memory_tier=tier))[0]
    assert found.estimated_likely == likely


def test_outside_the_range_is_said():
    found = estimate_vs_measured(make.option(), make.train_result(peak_memory_gib=9.0))[0]
    assert found.inside is False


def test_what_is_unknown_stays_unknown():
    option = make.option(time_hours=None, tokens_per_second=None, cost_usd=None, offer=None)
    result = make.train_result(peak_memory_gib=None)
    memory, time, speed, cost = estimate_vs_measured(option, result)
    assert memory.measured is None
    assert time.estimated_likely is None
    assert time.measured is not None
    assert speed.estimated_low is None
    assert cost.measured is None
    assert [memory.inside, time.inside, speed.inside, cost.inside] == [None] * 4


def test_ones_own_machine_costs_nothing_which_is_known():
    own = make.option().offer.model_copy(update={"kind": "own", "usd_per_gpu_hour": Decimal(0)})
    free = make.usd_interval("0", "0", "0")
    cost = estimate_vs_measured(
        make.option(gpu="local", offer=own, cost_usd=free), make.train_result()
    )[3]
    assert (cost.measured, cost.inside) == (0.0, True)


def test_the_estimate_is_part_of_the_verification():
    found = verified(*pair(100, 4, 60, 36), estimate=make.option())
    assert len(found.estimate_vs_measured) == 4


def test_cut_answers_and_samples_without_a_score_of_the_tuned_model_are_told():
    best, tuned = pair(50, 5, 35, 10)
    found = verified(best, tuned, cut_answers=12, unscored=3, failures=2)
    told = " ".join(found.warnings)
    assert "12 of 101 answers were cut at" in told
    assert "could give 3 of 103 answers no value" in told
    assert "tuned: 2 of 103 samples got no answer and count as 0." in told


def by_label(worse, size=200):
    """Samples of which the first ones are of one label, the rest of another."""
    return tuple(
        make.sample(at, input="the same", target="rare" if at < worse else "common")
        for at in range(size)
    )


def hidden(worse):
    """Better by far on the whole, and wrong on the first samples that the baseline had right."""
    return [1.0] * worse + [0.0] * (200 - worse), [0.0] * worse + [1.0] * (200 - worse)


@pytest.mark.parametrize(("worse", "verdict"), [(29, "keep"), (30, "discard")])
def test_a_hidden_segment_vetoes_from_thirty_samples_on(worse, verdict):
    found = verified(*hidden(worse), samples=by_label(worse))
    assert found.comparisons[0].interval.low > 0
    assert found.verdict == verdict
    assert [s.n for s in found.segments if s.name == "rare"] == [worse]
    if verdict == "keep":
        assert found.regressions == ()
        return
    (regression,) = found.regressions
    assert (regression.kind, regression.what, regression.vetoes) == (
        "segment",
        "label 'rare'",
        True,
    )
    assert found.because.startswith(
        "The tuned model got worse elsewhere: label 'rare', from 100.0 % to 0.0 % (30 samples, "
    )
    assert found.because.endswith("on 200 samples.")
    assert found.error_rates == {"baselines": 0.05, "segments": 0.05}
    assert found.more_items is None


def test_without_samples_there_are_no_segments():
    found = verified(*hidden(60))
    assert (found.verdict, found.segments) == ("keep", ())
    assert found.error_rates == {"baselines": 0.05}


def probe(**changes):
    plain = {
        "probe": "general text",
        "kind": "loss",
        "unit": "nats per token",
        "higher_is_better": False,
        "before": 0.085,
        "after": 1.1,
        "worse_by": 1.015,
        "p_value": 0.0001,
        "allowed": 0.1,
        "n": 120,
        "is_worse": True,
    }
    return ProbeFinding(**plain | changes)


def test_a_probe_that_got_worse_is_a_veto_named_with_its_figures():
    fine = probe(probe="json", kind="format", unit="", before=1.0, after=0.99, is_worse=False)
    found = verified(*pair(100, 4, 60, 36), probes=(fine, probe()))
    assert found.verdict == "discard"
    assert found.probes == (fine, probe())
    assert (
        "probe 'general text', from 0.085 to 1.1 nats per token (worse by 1.01 nats per "
        "token, up to 0.1 nats per token are allowed, 120 samples)"
    ) in found.because
    assert [r.kind for r in found.regressions if r.vetoes] == ["probe"]
    assert found.error_rates["probes"] == 0.05


def test_any_baseline_that_is_clearly_ahead_discards_whichever_scores_best():
    """The best one scores highest; another was ended early and is ahead on what it was asked."""
    ended = system("other", [1.0] * 35, ended="budget")
    best, tuned = [1.0] * 50 + [0.0] * 50, [0.0] * 15 + [1.0] * 85
    found = verified(best, tuned, others=[ended])
    assert [(r.what, r.vetoes) for r in found.regressions] == [("exact_match of other", True)]
    assert found.verdict == "discard"
    assert found.because.startswith("The baseline other is better beyond chance: on the 35 samples")
    assert verified(best, tuned).verdict == "keep"


def test_a_model_of_which_nothing_else_is_known_is_kept_with_a_warning_and_the_reason():
    form = probe(
        probe="form: JSON",
        kind="format",
        unit="",
        source=OF_TEST_PART,
        is_worse=False,
        worse_by=0.0,
    )
    unasked = probe(
        worse_by=None, p_value=None, is_worse=False, note="None was asked (--no-probes)."
    )
    for probes, told in (
        ((), ""),
        ((form,), ""),
        ((form, unasked), " None was asked (--no-probes)."),
    ):
        found = verified(*pair(100, 4, 60, 36), probes=probes)
        assert found.verdict == "keep"
        assert found.warnings == (
            f"Whether it forgot anything beside the task is unknown: no probe was measured.{told}",
        )
    assert verified(*pair(100, 40, 5, 55)).warnings == ()  # not kept


def test_a_probe_in_shares_is_told_in_percent():
    share = probe(
        probe="json", kind="format", unit="", before=0.9, after=0.4, worse_by=0.5, allowed=0.05
    )
    found = verified(*pair(100, 4, 60, 36), probes=(share,))
    assert (
        "probe 'json' (answers in form), from 90.0 % to 40.0 % (worse by 50 points" in found.because
    )


def test_a_keep_says_in_its_reason_that_nothing_beside_the_task_was_measured():
    assert UNKNOWN_ELSEWHERE in verified(*pair(100, 4, 60, 36)).because
    fine = probe(after=0.08, worse_by=-0.005, is_worse=False)
    assert UNKNOWN_ELSEWHERE not in verified(*pair(100, 4, 60, 36), probes=(fine,)).because
    floor = probe(worse_by=0.0, p_value=None, is_worse=False, nothing_to_lose=True)
    assert UNKNOWN_ELSEWHERE in verified(*pair(100, 4, 60, 36), probes=(floor,)).because


def test_probes_that_were_not_tested_have_no_error_rate():
    few = probe(p_value=None, n=12, is_worse=False)
    assert "probes" not in verified(*pair(100, 4, 60, 36), probes=(few,)).error_rates


def test_a_veto_discards_also_where_the_mean_is_open_and_is_added_where_it_discards():
    best, tuned = pair(10, 3, 6, 11)
    opened = verified(best, tuned, probes=(probe(),))
    assert (opened.verdict, opened.more_items) == ("discard", None)
    assert "got worse elsewhere" in opened.because
    worse = verified(*pair(100, 40, 5, 55), probes=(probe(),))
    assert worse.because.startswith("The tuned model is not better")
    assert "It also got worse elsewhere: probe 'general text', from" in worse.because


def test_what_is_tolerated_is_listed_and_vetoes_nothing():
    reason = "It only ever writes ticket lines."
    found = verified(*hidden(60), samples=by_label(60), probes=(probe(),), tolerated=reason)
    assert (found.verdict, found.tolerated) == ("keep", reason)
    told = "It got worse elsewhere, which is tolerated: label 'rare', from 100.0 % to 0.0 % (60"
    assert told in found.because
    assert "probe 'general text', from 0.085 to 1.1 nats per token" in found.because
    assert [(r.kind, r.vetoes) for r in found.regressions] == [
        ("segment", False), ("probe", False),
    ]  # fmt: skip
    assert next(s for s in found.segments if s.name == "rare").is_worse
    behind = verified(*pair(100, 40, 5, 55), tolerated=reason)
    assert behind.verdict == "discard"  # a baseline is not elsewhere


def test_segments_and_probes_do_not_make_the_baselines_harder_to_beat():
    best, tuned = pair(100, 20, 38, 42)
    p_value = verified(best, tuned).comparisons[0].p_value
    samples = tuple(
        make.sample(at, input="word " * (at % 50 + 5), target=f"label {at % 5}", file=f"f{at % 3}")
        for at in range(200)
    )
    many = verified(
        best, tuned, samples=samples, probes=tuple(probe(is_worse=False) for _ in range(9))
    )
    assert len(many.segments) == 11
    assert many.comparisons[0].p_value == p_value == pytest.approx(exact_mcnemar(20, 38))


def test_between_five_and_ten_in_a_hundred_is_no_proof():
    found = verified(*pair(100, 13, 24, 63))
    assert 0.05 < found.comparisons[0].p_value < 0.1
    assert found.verdict == "inconclusive"


def test_without_a_training_result_nothing_is_held_against_an_estimate():
    baselines = make.baselines().model_copy(
        update={"evaluations": (system("rag", [0.0] * 40),), "best": "rag"}
    )
    found = verify(Evidence(system("tuned", [1.0] * 40), baselines), target=None)
    assert (found.verdict, found.estimate_vs_measured) == ("keep", ())


def test_with_several_rivals_more_samples_are_needed():
    best, tuned = pair(100, 20, 30, 50)
    alone = verified(best, tuned)
    twin = system("few_shot", best)
    beside = verified(best, tuned, others=[twin, twin.model_copy(update={"builder": "zero_shot"})])
    assert alone.verdict == beside.verdict == "inconclusive"
    assert beside.more_items > 1.2 * alone.more_items


def test_a_label_that_lost_and_is_told_better_is_named_in_a_warning_and_vetoes_nothing():
    truth = ["red" if at % 2 else "blue" for at in range(100)]
    always = ["red"] * 100
    honest = ["blue" if at % 10 == 1 else label for at, label in enumerate(truth)]
    found = verified(
        [float(a == b) for a, b in zip(always, truth, strict=True)],
        [float(a == b) for a, b in zip(honest, truth, strict=True)],
        texts={"rag": always, "tuned": honest},
        samples=[make.sample(at, target=label) for at, label in enumerate(truth)],
    )
    assert found.verdict == "keep"
    assert any(w.startswith("Of the samples with label 'red'") for w in found.warnings)
