"""Answers that have no score, and answers that never came: what they may and may not decide."""

from dataclasses import replace

import pytest

from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.contracts import MetricInfo
from advisor.errors import BackendResponseError, BackendTimeoutError, StaleArtifactError
from advisor.evaluation.compare import compare
from advisor.evaluation.growing import prompted
from advisor.evaluation.intervals import proportion_interval
from advisor.evaluation.purse import Purse
from advisor.evaluation.runner import evaluate
from advisor.evaluation.stopping import interval_at_any_end, watch_difference, watch_target
from advisor.schema.evaluation import Score
from tests.evaluation.test_runner_watch import CENT
from tests.fixtures.bench import FunctionSession, Tools, bench, capitals, knows


class Mute:
    """Right or wrong, except for some samples of which it says nothing."""

    info = MetricInfo(id="mute", label="mute", binary=True)

    def __init__(self, mute):
        self.mute = mute

    def score(self, prompt, completion, sample):
        if sample.id in self.mute:
            return Score(sample_id=sample.id, value=0.0, unscored=True, note="unreadable verdict")
        return Score(sample_id=sample.id, value=float(completion.text == sample.target))


class Overloaded(FunctionSession):
    """Answers with a function, but not the bad ones: there the service is down."""

    def __init__(self, bad, answer):
        super().__init__(answer)
        self.bad = bad

    def generate(self, prompts, *, max_new_tokens):
        if any(prompt.sample_id in self.bad for prompt in prompts):
            raise BackendTimeoutError("the service is down")
        return super().generate(prompts, max_new_tokens=max_new_tokens)


@pytest.fixture
def builder(tmp_path):
    made = ZeroShotBuilder()
    made.fit([], [], [], Tools(tmp_path))
    return made


def names(numbers):
    return {f"s{number:03}" for number in numbers}


def muted(tmp_path, builder, mute, *, share=1.0, name="z", count=40):
    world = bench(FunctionSession(knows(share), digest=f"{name}"), tmp_path)
    return evaluate(replace(world, metric=Mute(mute)), name, builder, capitals(count))


def test_what_has_no_score_counts_neither_way(tmp_path, builder):
    found = muted(tmp_path, builder, names(range(6)))
    assert (found.value, found.n, found.unscored) == (1.0, 34, 6)
    assert found.interval == proportion_interval(34, 34)
    assert len(found.scores) == 40
    assert sum(one.unscored for one in found.scores) == 6
    assert found.failures == 0


def test_too_many_without_a_score_are_no_evaluation(tmp_path, builder):
    assert muted(tmp_path, builder, names(range(8))).n == 32
    with pytest.raises(BackendResponseError, match="mute could give 9 of 40 answers of z no value"):
        muted(tmp_path, builder, names(range(9)))


def test_only_samples_that_both_scored_are_paired(tmp_path, builder):
    ours = muted(tmp_path, builder, names(range(6)))
    theirs = muted(tmp_path, builder, names(range(3, 9)), name="y")
    found = compare(ours, theirs)
    assert (found.n, found.difference) == (31, 0)
    nothing = ours.model_copy(
        update={"scores": tuple(s.model_copy(update={"unscored": True}) for s in ours.scores)}
    )
    with pytest.raises(StaleArtifactError, match="none of the 40 samples"):
        compare(nothing, theirs)


def test_failures_are_judged_by_what_came_back_not_by_what_is_planned(tmp_path, builder):
    session = Overloaded(names(range(1, 400, 2)), knows(1))
    with pytest.raises(BackendResponseError, match="10 of the first 20 samples got no answer"):
        evaluate(bench(session, tmp_path, batch_size=1), "z", builder, capitals(400))
    assert sum(map(len, session.batches)) <= 11


def test_few_failures_at_the_start_end_nothing(tmp_path, builder):
    session = Overloaded(names(range(3)), knows(1))
    found = evaluate(bench(session, tmp_path, batch_size=1), "z", builder, capitals(60))
    assert (found.n, found.failures) == (60, 3)


def test_an_outage_decides_nothing(tmp_path, builder):
    """All that was answered is right; by the outage alone 85 % would be missed."""
    bad = names(range(0, 240, 6))
    world = bench(Overloaded(bad, knows(1)), tmp_path, batch_size=1)
    found = evaluate(replace(world, watched_target=0.85), "z", builder, capitals(240))
    assert found.stopping.decision == "above"
    assert 0 < found.stopping.skipped == found.failures
    assert found.stopping.items_used == found.n
    end = evaluate(
        replace(
            bench(Overloaded(bad, knows(0.9)), tmp_path / "b", batch_size=1), watched_target=0.87
        ),
        "z",
        builder,
        capitals(120),
    )
    assert end.ended == "all"
    assert end.interval.high < 0.87 < end.stopping.interval.high
    assert end.stopping.decision == "undecided"


def test_a_skipped_item_completes_its_group_and_adds_nothing():
    groups = ["a", "a", "b", "b", "c", "c"]
    watch, plain = watch_target(0.5, planned=6, groups=groups), watch_target(0.5, planned=6)
    for at in range(6):
        if at % 2:
            watch.skip()
        else:
            watch.add(1.0)
    assert (watch.items, watch.skipped) == (6, 3)
    for _ in range(6):
        plain.skip()
    assert (plain.interval.low, plain.interval.high) == (0, 1)
    assert watch.interval.low > 0


def test_the_planned_groups_hold_where_it_ended_inside_one():
    """A group that is cut off is no whole group, and the largest is that of the plan."""
    groups = [f"g{at // 4}" for at in range(80)] + ["large"] * 20
    scores = [1.0] * 42
    watch = watch_target(0.5, planned=100, groups=groups)
    for score in scores:
        watch.add(score)
    assert interval_at_any_end(scores, groups=groups) == watch.interval
    assert interval_at_any_end(scores, groups=groups[:42]).low > watch.interval.low
    part = watch_difference(planned=42, groups=groups[:40])
    whole = watch_difference(planned=42, groups=groups[:40], largest=20)
    for score in scores[:40]:
        part.add(score)
        whole.add(score)
    assert whole.p_value > part.p_value


def test_an_evaluation_knows_its_largest_planned_group(tmp_path, builder):
    samples = [
        sample.model_copy(update={"document": f"d{at // 4}" if at < 200 else "large"})
        for at, sample in enumerate(capitals(240))
    ]
    world = replace(bench(FunctionSession(knows(0.02)), tmp_path), watched_target=0.9)
    found = evaluate(world, "z", builder, samples)
    assert found.ended == "decided"
    assert found.stopping.largest_group == 40
    assert found.interval == found.stopping.interval


def test_cut_answers_are_counted(tmp_path, builder):
    class Cut(FunctionSession):
        def completion(self, asked):
            finish = "length" if asked.endswith("3?") else "stop"
            return super().completion(asked).model_copy(update={"finish": finish})

    found = evaluate(bench(Cut(knows(1)), tmp_path), "z", builder, capitals(40))
    assert found.cut_answers == 4


def test_a_capped_evaluation_takes_a_fair_order(tmp_path, builder):
    world = bench(FunctionSession(knows(1)), tmp_path, purse=Purse(CENT, cap_usd=2.0), batch_size=4)
    found = evaluate(world, "z", builder, capitals(200))
    ids = [one.sample_id for one in found.scores]
    assert found.ended == "budget"
    assert ids != sorted(ids)
    assert max(ids) > "s100"


def test_a_curve_has_its_scores_in_the_order_of_the_samples(tmp_path):
    world = bench(
        FunctionSession(knows(0.5)), tmp_path, purse=Purse(CENT, cap_usd=50.0), batch_size=4
    )
    test = capitals(60)
    system = prompted(world, ZeroShotBuilder, test=test, corpus=(), tools=Tools(tmp_path))
    right = [float(knows(0.5)(sample.input) == sample.target) for sample in test]
    assert system.measure(capitals(20, split="train", start=1000), 0) == right
