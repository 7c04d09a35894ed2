"""What the gate makes of several systems: whose failures count, who is ahead, what is enough."""

import math

import pytest

from advisor.evaluation.compare import compare_all
from advisor.evaluation.sufficient import clears, interval_among, level_among
from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook
from advisor.schema.base import ConfidenceInterval
from advisor.schema.diagnosis import CauseCount, Diagnosis, RetrievalScores
from advisor.schema.evaluation import Stopping
from advisor.schema.profile import DataFacts, KnowledgeFacts, Profile, TaskFacts
from advisor.stages.gate import gate
from advisor.stages.gate.measured import measured_facts
from advisor.stages.gate.systems import cheapest_sufficient
from tests.fixtures import values as make

BOOK = load_rulebook(rules_root())
MANUALS = Profile(
    task=TaskFacts(kind="question_answering"),
    data=DataFacts(labelled_samples=600, train_samples=300, test_samples=200),
    knowledge=KnowledgeFacts(in_documents=True),
)
KINDS = {
    "zero_shot": ("prompting", 0, True),
    "few_shot": ("few_shot", 1, True),
    "prompt_optimisation": ("prompt_optimisation", 2, True),
    "rag": ("rag", 3, True),
    "nearest_neighbour": ("small_model", -20, False),
    "embedding_classifier": ("small_model", -10, False),
}
FOUND = RetrievalScores(n=200, judged_by="document", shown=5, recall={5: 0.97}, mrr=0.9, ndcg=0.9)


def system(builder, value, causes=None, n=200, **changes):
    """A system whose first answers are right, with why the others fail."""
    approach, rank, asks = KINDS[builder]
    told = {"approach": approach, "cost_rank": rank, "asks_model": asks}
    found = make.evaluation(builder, value, n=n, **(told | changes))
    total = sum((causes or {}).values())
    if not total:
        return found
    counts = tuple(CauseCount(cause=c, count=k, share=k / total) for c, k in causes.items())
    diagnosis = Diagnosis(failures=total, n=n, causes=counts, lever="prompt", sentence="So it is.")
    return found.model_copy(update={"diagnosis": diagnosis})


def baselines(*evaluations, **changes):
    best = max(evaluations, key=lambda e: e.value).builder
    found = {"evaluations": evaluations, "best": best, "comparisons": compare_all(evaluations)}
    return make.baselines().model_copy(update=found | changes)


def facts_of(*evaluations, target=0.85, **changes):
    return measured_facts(
        baselines=baselines(*evaluations, **changes), estimate=None, profile=MANUALS, target=target
    )


def verdict_of(*evaluations, target=0.85, profile=MANUALS, **changes):
    return gate(
        baselines=baselines(*evaluations, **changes), estimate=make.estimate(), profile=profile,
        rulebook=BOOK, target=target,
    )  # fmt: skip


def fired(verdict):
    return {reason.rule_id for a in verdict.decision.approaches for reason in a.reasons}


def test_failures_of_what_is_shown_no_passages_say_nothing_of_retrieval():
    measured = (
        system("zero_shot", 0.3),
        system("few_shot", 0.6, {"not_retrieved": 70, "wrong_format": 10}),
        system("rag", 0.55, {"ignored": 80, "not_retrieved": 5}, retrieval=FOUND),
    )
    facts = facts_of(*measured)
    assert facts.failures_not_retrieved == pytest.approx(5 / 85, abs=1e-6)
    assert facts.failures_ignored == pytest.approx(80 / 85, abs=1e-6)
    assert facts.failures_wrong_format == 0.125, "of the best system"
    verdict = verdict_of(*measured)
    assert "passages-not-found" not in fired(verdict)
    assert "not shown" not in verdict.because


def test_without_a_retrieving_system_nothing_is_known_of_passages():
    facts = facts_of(system("few_shot", 0.6, {"not_retrieved": 70, "wrong_format": 10}))
    assert facts.failures_not_retrieved is None
    assert facts.failures_ignored is None
    assert facts.failures_not_in_documents is None
    assert facts.failures_wrong_format == 0.125


@pytest.mark.parametrize(("recall", "fires"), [(0.97, False), (0.7, True)])
def test_retrieval_is_mended_first_only_where_it_misses(recall, fires):
    scores = FOUND.model_copy(update={"recall": {5: recall}})
    rag = system("rag", 0.6, {"not_retrieved": 50, "wrong": 30}, retrieval=scores)
    assert ("passages-not-found" in fired(verdict_of(rag))) is fires


def test_a_few_failures_have_no_shares():
    few = system("rag", 0.955, {"not_retrieved": 5, "ignored": 4}, retrieval=FOUND)
    assert facts_of(few).failures_not_retrieved is None
    enough = system("rag", 0.95, {"not_retrieved": 6, "ignored": 4}, retrieval=FOUND)
    assert facts_of(enough).failures_not_retrieved == 0.6


def test_retrieval_behind_another_baseline_is_not_advised():
    measured = (
        system("zero_shot", 0.3),
        system("nearest_neighbour", 0.6, {"not_retrieved": 80}),
        system("rag", 0.5, {"ignored": 95, "not_retrieved": 5}, retrieval=FOUND),
    )
    facts = facts_of(*measured)
    assert (facts.rag_is_behind, facts.small_model_is_behind) == (True, False)
    assert facts.long_context_is_behind is None
    verdict = verdict_of(*measured)
    assert "rag-is-behind" in fired(verdict)
    assert verdict.recommended != "rag"


def mixed(builder, value, n, **changes):
    """The right answers lie among other samples than those of `system`."""
    one = system(builder, value, n=n, **changes)
    values = [score.value for score in one.scores][::-1]
    scores = tuple(
        score.model_copy(update={"value": v}) for score, v in zip(one.scores, values, strict=True)
    )
    return one.model_copy(update={"scores": scores})


@pytest.mark.parametrize(("n", "leads"), [(40, False), (800, True)])
def test_ten_points_are_a_lead_only_where_there_are_samples_to_show_it(n, leads):
    small, prompt = mixed("embedding_classifier", 0.6, n), system("zero_shot", 0.5, n=n)
    assert facts_of(small, prompt).small_model_leads is leads
    assert facts_of(prompt, small).small_model_leads is leads, "whichever stands first"
    assert facts_of(small, prompt, comparisons=()).small_model_leads is None
    assert facts_of(prompt).small_model_leads is None


def test_a_search_that_did_not_take_place_is_none():
    usage = make.evaluation().usage
    facts = {
        calls: facts_of(
            system("zero_shot", 0.4),
            system("prompt_optimisation", 0.4, fitting=fitting),
        ).prompt_optimisation_score
        for calls, fitting in {
            None: None,
            0: usage.model_copy(update={"calls": 0}),
            60: usage.model_copy(update={"calls": 60}),
        }.items()
    }
    assert facts == {None: None, 0: None, 60: 0.4}


def test_levels_of_several_intervals():
    assert level_among(1) == level_among(0) == pytest.approx(0.9)
    assert level_among(10) == pytest.approx(0.99)


def false_met(target, n, systems):
    """How often at least one of so many systems that lie just at the target is said to meet it."""
    from scipy.stats import binom

    least = next(
        right
        for right in range(math.ceil(n * target), n + 1)
        if clears(make.evaluation("rag", right / n, n=n), target, systems)
    )
    return 1 - float(binom.cdf(least - 1, n, target)) ** systems


@pytest.mark.parametrize(("target", "n"), [(0.6, 100), (0.85, 240), (0.5, 60), (0.7, 200)])
def test_the_best_of_eight_meets_the_target_by_chance_no_oftener_than_one(target, n):
    assert false_met(target, n, 8) <= 0.06
    one = false_met(target, n, 1)
    assert 1 - (1 - one) ** 8 > 0.2, "at one level for all it would"


@pytest.mark.slow
def test_graded_scores_of_eight_meet_the_target_by_chance_no_oftener_than_one():
    """Simulated: 8 systems of 80 graded scores whose mean is 0.7, the target."""
    import numpy as np

    chance, met, repetitions, n = np.random.default_rng(1), 0, 400, 80
    for _ in range(repetitions):
        for _system in range(8):
            values = chance.beta(1.4, 0.6, size=n)
            if values.mean() - 1.645 * values.std() / n**0.5 < 0.69:
                continue
            scores = tuple(make.scored(at, float(value)) for at, value in enumerate(values))
            mean = float(values.mean())
            one = make.evaluation("rag", mean, n=n, scores=scores)
            one = one.model_copy(update={"interval": interval_among(one, 8)})
            met += one.interval.low >= 0.7
    assert met / repetitions < 0.08


def test_the_demo_keeps_its_verdicts():
    def other(name, value):
        return make.evaluation(name, value, n=240)

    manuals = [other(f"s{at}", 0.3) for at in range(8)]
    rag = system("rag", 0.825, n=240)
    assert cheapest_sufficient(baselines(*manuals, rag), 0.6) == rag
    fields = system("zero_shot", 0.958, n=240)
    assert cheapest_sufficient(baselines(*manuals, fields), 0.85) == fields


def test_the_level_is_said():
    verdict = verdict_of(system("zero_shot", 0.3), system("rag", 0.95))
    assert "(one of 2 systems, so judged at 95.0 %: from " in verdict.because
    near = verdict_of(*(system(b, 0.3) for b in ("zero_shot", "few_shot")), system("rag", 0.895))
    assert near.verdict != "stop"
    (seen,) = [c.seen for c in near.criteria if c.rule_id == "target-not-met"]
    assert seen.endswith("reaches below (one of 3 systems, so judged at 96.7 %: from 84 %)")


def test_one_that_was_decided_early_keeps_what_decided_it():
    decided = system("rag", 0.95).model_copy(update={"ended": "decided"})
    assert interval_among(decided, 9) == decided.interval


def test_one_that_was_watched_to_the_end_is_widened_for_both():
    rag = system("rag", 0.9)
    watched = Stopping(
        question="Is it above?", decision="undecided", against=0.85, error_rate=0.05,
        items_used=200, items_planned=200, interval=rag.interval,
    )  # fmt: skip
    seen = interval_among(rag.model_copy(update={"stopping": watched}), 4)
    assert seen.low < interval_among(rag, 4).low < rag.interval.low
    assert seen.level == level_among(4)


def test_totals_are_judged_by_their_interval_widened():
    rag = system("rag", 0.9)
    counts = tuple(s.model_copy(update={"totals": {"hits": s.value}}) for s in rag.scores)
    totals = rag.model_copy(
        update={"scores": counts, "interval": ConfidenceInterval(low=0.86, high=0.93, level=0.9)}
    )
    seen = interval_among(totals, 10)
    assert (seen.low, seen.high) == pytest.approx((0.8374, 0.9470), abs=1e-3)
    assert not clears(totals, 0.85, 10)
    assert clears(totals, 0.85, 1)


def test_samples_that_share_a_group_count_as_one_at_every_level():
    rag = system("rag", 0.9)
    alike = tuple(s.model_copy(update={"group": f"d{at // 20}"}) for at, s in enumerate(rag.scores))
    grouped = rag.model_copy(update={"scores": alike})
    assert interval_among(grouped, 3).low < interval_among(rag, 3).low - 0.05


@pytest.mark.parametrize(
    ("builder", "near", "clean"),
    [
        ("few_shot", 20, True),
        ("few_shot", 21, False),
        ("nearest_neighbour", 21, False),
        ("zero_shot", 21, True),
    ],
)
def test_near_copies_spoil_what_learns_from_them(builder, near, clean):
    facts = facts_of(system(builder, 0.95), near_leaked_samples=near)
    assert facts.test_is_clean is clean


def test_near_copies_are_said():
    verdict = verdict_of(system("few_shot", 0.95), system("rag", 0.4), near_leaked_samples=50)
    assert verdict.verdict == "collect"
    assert verdict.because.startswith(
        "50 of 200 test samples nearly equal a train sample, and few_shot learns from those"
    )
    plain = verdict_of(system("zero_shot", 0.95), system("few_shot", 0.96), near_leaked_samples=50)
    assert plain.verdict == "stop", "what suffices shows no train sample"


def test_a_rule_that_asks_no_model_is_not_tuned():
    copying = make.evaluation(
        "extractive_copy", 0.95, approach="none", cost_rank=-30, asks_model=False
    )
    verdict = verdict_of(system("zero_shot", 0.4), copying)
    assert verdict.recommended == "none"
    assert verdict.decision.next_step.startswith("Do not tune: use the rule")
