"""Evaluations that end when the question is decided, or when the money is."""

from dataclasses import replace

import pytest

from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.contracts import MetricInfo
from advisor.errors import BackendResponseError, PluginContractError
from advisor.evaluation.compare import compare
from advisor.evaluation.detectable import PROOF_ERROR, PROOF_LEVEL
from advisor.evaluation.intervals import proportion_interval
from advisor.evaluation.purse import Purse
from advisor.evaluation.runner import evaluate
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Score
from advisor.schema.purse import TokenPrice
from tests.fixtures.bench import FunctionSession, Tools, bench, capitals, knows

CENT = TokenPrice(
    prompt_usd_per_million=1_000_000 / 100,
    completion_usd_per_million=0,
    provenance=Provenance(kind="table", source="test"),
)


@pytest.fixture
def builder(tmp_path):
    made = ZeroShotBuilder()
    made.fit([], [], [], Tools(tmp_path))
    return made


def watched(session, tmp_path, target, **more):
    return replace(bench(session, tmp_path, **more), watched_target=target)


def test_it_ends_when_the_target_is_clearly_missed(tmp_path, builder):
    session = FunctionSession(knows(0.1))
    found = evaluate(watched(session, tmp_path, 0.85), "z", builder, capitals(240))
    assert found.ended == "decided"
    assert found.stopping.decision == "below"
    assert found.n == found.stopping.items_used == len(found.scores) == 40
    assert found.planned == found.stopping.items_planned == 240
    assert found.interval == found.stopping.interval
    assert found.interval.high < 0.85
    assert found.interval_method == "confidence sequence"
    assert sum(map(len, session.batches)) <= found.n + 32
    assert found.manifest.samples == found.n


def test_it_ends_when_the_target_is_clearly_met(tmp_path, builder):
    found = evaluate(
        watched(FunctionSession(knows(0.98)), tmp_path, 0.6), "z", builder, capitals(240)
    )
    assert (found.ended, found.stopping.decision) == ("decided", "above")
    assert found.stopping.saved_share > 0.5


def test_what_stays_undecided_is_measured_to_the_end(tmp_path, builder):
    found = evaluate(
        watched(FunctionSession(knows(0.5)), tmp_path, 0.6), "z", builder, capitals(60)
    )
    assert (found.ended, found.n) == ("all", 60)
    assert found.stopping.decision == "undecided"
    assert found.interval_method == "Wilson, widened for having been watched"
    assert found.interval == found.stopping.interval
    assert found.interval.low < 0.6 < found.interval.high
    last = proportion_interval(round(found.value * 60), 60, level=0.95)
    assert (found.interval.low, found.interval.high) == (last.low, last.high)


def test_the_decision_is_the_same_from_the_cache(tmp_path, builder):
    samples = capitals(240)
    whole = evaluate(bench(FunctionSession(knows(0.1)), tmp_path), "z", builder, samples)
    assert whole.n == 240
    idle = FunctionSession(knows(0.1))
    early = evaluate(watched(idle, tmp_path, 0.85), "z", builder, samples)
    fresh = evaluate(
        watched(FunctionSession(knows(0.1)), tmp_path / "new", 0.85), "z", builder, samples
    )
    assert idle.batches == []
    assert early == fresh


def test_evaluations_of_different_lengths_are_paired_on_what_both_have(tmp_path, builder):
    samples = capitals(240)
    whole = evaluate(bench(FunctionSession(knows(0.9)), tmp_path), "z", builder, samples)
    early = evaluate(
        watched(FunctionSession(knows(0.1), digest="other"), tmp_path, 0.85), "y", builder, samples
    )
    assert compare(early, whole).n == early.n


def test_the_cap_ends_it_and_what_was_paid_for_is_used(tmp_path, builder):
    purse = Purse(CENT, cap_usd=7.0)  # 7 tokens a prompt: 7 cents each
    session = FunctionSession(knows(1))
    found = evaluate(
        bench(session, tmp_path, purse=purse, batch_size=4), "z", builder, capitals(200)
    )
    assert found.ended == "budget"
    assert found.n == sum(map(len, session.batches))
    assert found.planned == 200
    assert 7.0 <= purse.spent_usd <= 7.0 + 4 * 0.07 + 1e-9
    assert found.usage.usd == pytest.approx(purse.spent_usd)


def test_a_cap_that_lets_nothing_be_asked_is_told(tmp_path, builder):
    world = bench(FunctionSession(knows(1)), tmp_path, purse=Purse(CENT, cap_usd=0.0))
    with pytest.raises(BackendResponseError, match="cap of 0 dollars"):
        evaluate(world, "z", builder, capitals(20))


class Counting:
    """A metric that is no share."""

    info = MetricInfo(id="letters", label="letters", unit="letters")

    def score(self, prompt, completion, sample):
        return Score(sample_id=sample.id, value=float(len(completion.text)))


class Asking:
    """A metric that asks a judge."""

    info = MetricInfo(id="opinion", label="opinion", needs=("judge",))

    def score(self, prompt, completion, sample):
        return Score(sample_id=sample.id, value=0.0)

    def questions(self, prompt, completion, sample):
        return (prompt,)

    def judged(self, answers, completion, sample):
        return Score(sample_id=sample.id, value=float(answers[0].text == sample.target))


def test_a_count_can_only_stand_beside(tmp_path, builder):
    world = bench(FunctionSession(knows(1)), tmp_path)
    with pytest.raises(PluginContractError, match="counts in letters"):
        evaluate(replace(world, metric=Counting()), "z", builder, capitals(20))
    found = evaluate(replace(world, also=(Counting(),)), "z", builder, capitals(20))
    assert found.also[0].unit == "letters"
    assert found.also[0].value == pytest.approx((10 * 6 + 10 * 7) / 20)
    assert found.also[0].interval is None


def test_a_judge_is_asked_after_the_answers_and_its_answers_are_kept(tmp_path, builder):
    world = bench(FunctionSession(knows(0.5)), tmp_path)
    with pytest.raises(PluginContractError, match="asks a judge"):
        evaluate(replace(world, metric=Asking()), "z", builder, capitals(20))
    judge = bench(FunctionSession(knows(0.7), digest="judge"), tmp_path).asker
    judged = replace(world, metric=Asking(), judge=judge, watched_target=0.9)
    found = evaluate(judged, "z", builder, capitals(40))
    assert found.n == 40  # what is judged at the end cannot be watched
    assert found.value == sum(knows(0.7)(s.input) == s.target for s in capitals(40)) / 40


def test_it_ends_when_it_is_decided_which_is_better(tmp_path, builder):
    samples = capitals(240)
    rival = evaluate(bench(FunctionSession(knows(0.3)), tmp_path), "z", builder, samples)
    world = bench(FunctionSession(knows(0.9), digest="weights-2"), tmp_path)
    found = evaluate(replace(world, watched_rival=rival), "tuned", builder, samples)
    assert (found.ended, found.stopping.decision) == ("decided", "above")
    assert found.stopping.question == "Is tuned better than z?"
    assert found.stopping.error_rate == PROOF_ERROR  # what is proved by it is read at that level
    assert found.n < 120
    shown = compare(rival, found, level=PROOF_LEVEL)
    assert shown.n == found.n
    assert shown.interval.low > 0
    assert shown.p_value <= 0.05


def test_watched_samples_are_asked_in_an_order_that_stands_for_the_whole(tmp_path, builder):
    """A file sorted by difficulty must not decide by its beginning."""
    samples = sorted(capitals(240), key=lambda sample: knows(0.5)(sample.input) == sample.target)
    found = evaluate(watched(FunctionSession(knows(0.5)), tmp_path, 0.3), "z", builder, samples)
    assert found.stopping.decision != "below"
