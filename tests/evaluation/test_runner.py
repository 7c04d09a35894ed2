import time
from dataclasses import replace

import pytest

from advisor.builtin.metrics.contains import ContainsMetric
from advisor.builtin.metrics.token_f1 import TokenF1Metric
from advisor.builtin.prompting.few_shot import FewShotBuilder
from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.errors import (
    BackendAuthError,
    BackendResponseError,
    DatasetError,
    PluginContractError,
    StaleArtifactError,
    StorageError,
)
from advisor.evaluation.again import evaluate_again
from advisor.evaluation.purse import Purse
from advisor.evaluation.runner import evaluate
from advisor.evaluation.scoring import latency
from advisor.evaluation.session import LazySession
from advisor.schema.evaluation import Completion
from tests.fixtures.bench import FunctionSession, Tools, bench, capitals, knows


@pytest.fixture
def builder(tmp_path):
    made = ZeroShotBuilder()
    made.fit([], [], [], Tools(tmp_path))
    return made


def test_value_interval_usage_and_manifest(tmp_path, builder):
    session = FunctionSession(knows(0.5))
    samples = capitals(100)
    found = evaluate(bench(session, tmp_path), "zero_shot", builder, samples)
    right = sum(session.answer(s.input) == s.target for s in samples)
    assert found.value == right / 100
    assert found.interval.low < found.value < found.interval.high
    assert found.n == 100
    assert found.failures == 0
    assert found.usage.prompt_tokens == 700
    assert found.usage.usd == 0
    assert found.latency_ms.p50 == 3.0
    assert found.manifest.model_digest == "weights-1"
    assert found.manifest.settings["batch_size"] == 16
    assert found.manifest.settings["max_new_tokens"] == session.max_new_tokens == 64
    assert found.manifest.settings["zero_shot.instruction"]
    assert [s.sample_id for s in found.scores] == [s.id for s in samples]


def test_a_paid_model_has_an_unknown_price_not_zero(tmp_path, builder):
    world = bench(FunctionSession(knows(1)), tmp_path, purse=Purse())
    assert evaluate(world, "zero_shot", builder, capitals(3)).usage.usd is None


def test_one_sample_has_a_latency(tmp_path, builder):
    found = evaluate(bench(FunctionSession(knows(1)), tmp_path), "z", builder, capitals(1))
    assert found.latency_ms.p95 == 3.0


def test_batches_are_fixed_and_progress_reaches_the_total(tmp_path, builder):
    world = bench(FunctionSession(knows(1)), tmp_path, batch_size=4)
    evaluate(world, "zero_shot", builder, capitals(10))
    assert [len(batch) for batch in world.session.batches] == [4, 4, 2]
    assert world.progress.total == world.progress.done == 10
    assert world.progress.finished


def test_progress_counts_prompts_that_stand_twice(tmp_path, builder):
    samples = capitals(10)
    again = [one.model_copy(update={"id": f"{one.id}-again"}) for one in samples]
    world = bench(FunctionSession(knows(1)), tmp_path, batch_size=4)
    evaluate(world, "zero_shot", builder, [*samples, *again])
    assert sum(map(len, world.session.batches)) == 10
    assert world.progress.total == world.progress.done == 20


def test_a_finished_evaluation_does_not_even_open_the_model(tmp_path, builder):
    samples = capitals(20)
    first = evaluate(bench(FunctionSession(knows(0.5)), tmp_path), "z", builder, samples)

    def opener():
        raise AssertionError("the model was opened")

    lazy = LazySession(opener, model_digest="weights-1")
    again = evaluate(bench(lazy, tmp_path), "z", builder, samples)
    assert again == first
    assert not lazy.is_open


def test_a_lazy_session_opens_once_and_closes(tmp_path, builder):
    opened = []

    def opener():
        opened.append(FunctionSession(knows(1), digest="weights-7"))
        return opened[-1]

    with LazySession(opener) as lazy:
        found = evaluate(bench(lazy, tmp_path), "z", builder, capitals(20))
        assert lazy.count_tokens("a b") == 2
    assert found.manifest.model_digest == "weights-7"
    assert len(opened) == 1
    assert opened[0].closed
    assert not lazy.is_open


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"max_new_tokens": 5}, 20),
        ({"decides": {"json_schema": "x"}}, 20),
        ({"backend": "other"}, 20),
        ({"seed": 1}, 0),
        ({"dataset_digest": "data-2"}, 0),
        ({"batch_size": 8}, 0),
        ({"model": "another name of the same weights"}, 0),
    ],
)
def test_what_decides_an_answer_and_nothing_else_asks_again(tmp_path, builder, change, asked):
    samples = capitals(20)
    evaluate(bench(FunctionSession(knows(1)), tmp_path), "z", builder, samples)
    session = FunctionSession(knows(1))
    evaluate(bench(session, tmp_path, **change), "z", builder, samples)
    assert sum(map(len, session.batches)) == asked


def test_other_weights_or_prompts_are_asked_anew(tmp_path, builder):
    samples = capitals(20)
    evaluate(bench(FunctionSession(knows(1)), tmp_path), "z", builder, samples)
    shots = FewShotBuilder()
    shots.fit(capitals(9, split="train", start=50), [], [], Tools(tmp_path))
    changed = [samples[0].model_copy(update={"input": "Capital 99?"}), *samples[1:]]
    for digest, who, what, asked in (
        ("weights-2", builder, samples, 20),
        ("weights-2", shots, samples, 20),
        ("weights-2", shots, changed, 1),
    ):
        session = FunctionSession(knows(1), digest=digest)
        evaluate(bench(session, tmp_path), "z", who, what)
        assert sum(map(len, session.batches)) == asked


def test_without_a_cache_everything_is_asked_again(tmp_path, builder):
    for _ in range(2):
        world = replace(bench(FunctionSession(knows(1)), tmp_path), cache=None)
        evaluate(world, "z", builder, capitals(20))
        assert sum(map(len, world.session.batches)) == 20


class Faulty(FunctionSession):
    """Raises when a batch holds one of the bad questions."""

    def __init__(self, bad, error):
        super().__init__(knows(1))
        self.bad, self.error = bad, error

    def generate(self, prompts, *, max_new_tokens):
        if any(prompt.sample_id in self.bad for prompt in prompts):
            raise self.error
        return super().generate(prompts, max_new_tokens=max_new_tokens)


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), BackendResponseError("no JSON")])
def test_a_failing_sample_fails_alone_and_counts_as_wrong(tmp_path, builder, error):
    session = Faulty({"s003", "s017"}, error)
    found = evaluate(bench(session, tmp_path), "z", builder, capitals(20))
    assert found.failures == 2
    assert found.value == 18 / 20
    assert str(error) in found.scores[3].completion.error


def test_a_failure_that_passed_is_asked_again(tmp_path, builder):
    samples = capitals(40)
    first = evaluate(
        bench(Faulty({"s009"}, RuntimeError("no network")), tmp_path, batch_size=4),
        "z",
        builder,
        samples,
    )
    assert first.failures == 1
    session = FunctionSession(knows(1))
    mended = evaluate(bench(session, tmp_path, batch_size=4), "z", builder, samples)
    assert (mended.failures, mended.value) == (0, 1)
    assert session.batches == [["s009"]]


def test_two_samples_with_one_id_are_refused(tmp_path, builder):
    samples = capitals(20)
    twice = [*samples, samples[4].model_copy(update={"input": "Another?"})]
    world = bench(FunctionSession(knows(1)), tmp_path)
    with pytest.raises(DatasetError, match="the first is 's004'"):
        evaluate(world, "z", builder, twice)
    like = evaluate(world, "z", builder, samples)
    with pytest.raises(DatasetError, match="the first is 's004'"):
        evaluate_again(world, "tuned", builder, twice, like=like)


class Error(ContainsMetric):
    info = ContainsMetric.info.model_copy(update={"id": "error_rate", "higher_is_better": False})


def test_a_metric_that_falls_is_refused(tmp_path, builder):
    world = replace(bench(FunctionSession(knows(1)), tmp_path), metric=Error())
    with pytest.raises(PluginContractError, match="error_rate says that lower is better"):
        evaluate(world, "z", builder, capitals(20))
    assert world.session.batches == []


def test_progress_of_a_continued_run_counts_what_is_left(tmp_path, builder):
    samples = capitals(20)
    evaluate(bench(FunctionSession(knows(1)), tmp_path, batch_size=4), "z", builder, samples[:12])
    world = bench(FunctionSession(knows(1)), tmp_path, batch_size=4)
    evaluate(world, "z", builder, samples)
    assert world.progress.label == "z (from 12 of 20)"
    assert world.progress.total == world.progress.done == 8


def test_a_completion_that_carries_an_error_is_a_failure(tmp_path, builder):
    class Refusing(FunctionSession):
        def completion(self, asked):
            if asked != "Capital 1?":
                return super().completion(asked)
            return Completion(
                text="City 1", prompt_tokens=1, completion_tokens=0, latency_ms=0, finish="error",
                error="refused",
            )  # fmt: skip

    found = evaluate(bench(Refusing(knows(1)), tmp_path), "z", builder, capitals(10))
    assert found.failures == 1
    assert found.value == 0.9
    assert (found.latency_ms.p50, found.latency_ms.p95) == (3, 3)
    session = FunctionSession(knows(1))
    evaluate(bench(session, tmp_path), "z", builder, capitals(10))
    assert session.batches == [["s001"]]  # only answers are kept


def test_latency_is_that_of_answered_samples(tmp_path, builder):
    bad = {"s000", "s001", "s002", "s003"}
    session = Faulty(bad, RuntimeError("x"))
    found = evaluate(bench(session, tmp_path), "z", builder, capitals(20))
    assert found.failures == 4
    assert (found.latency_ms.p50, found.latency_ms.p95) == (3, 3)


def test_latency_of_nothing_is_unknown():
    assert latency([]).p50 is None


def test_too_many_failures_stop_the_evaluation_and_can_be_mended(tmp_path, builder):
    bad = {f"s{number:03}" for number in range(16, 40)}
    with pytest.raises(
        BackendResponseError, match=r"of the first 32 samples got no answer.*RuntimeError: broken"
    ):
        evaluate(bench(Faulty(bad, RuntimeError("broken")), tmp_path), "z", builder, capitals(40))
    session = FunctionSession(knows(1))
    assert evaluate(bench(session, tmp_path), "z", builder, capitals(40)).failures == 0
    assert session.batches[0][0] == "s016"


def test_exactly_the_stated_share_of_failures_is_still_an_evaluation(tmp_path, builder):
    bad = {f"s{number:03}" for number in range(4)}
    found = evaluate(bench(Faulty(bad, RuntimeError("x")), tmp_path), "z", builder, capitals(20))
    assert found.failures == 4


def test_what_concerns_every_prompt_is_not_swallowed(tmp_path, builder):
    session = Faulty({"s003"}, BackendAuthError("no key", hint="Set it."))
    with pytest.raises(BackendAuthError):
        evaluate(bench(session, tmp_path), "z", builder, capitals(20))


def test_a_backend_that_drops_an_answer_is_refused(tmp_path, builder):
    class Dropping(FunctionSession):
        def generate(self, prompts, *, max_new_tokens):
            return super().generate(prompts, max_new_tokens=max_new_tokens)[:-1]

    with pytest.raises(BackendResponseError, match="answered 15 of 16"):
        evaluate(bench(Dropping(knows(1)), tmp_path), "z", builder, capitals(20))


def test_no_sample_is_told(tmp_path, builder):
    with pytest.raises(DatasetError, match="no sample"):
        evaluate(bench(FunctionSession(knows(1)), tmp_path), "z", builder, [])


def test_another_metric_needs_no_model(tmp_path, builder):
    samples = capitals(30)

    def wordy(asked):
        return "It is " + knows(0.5)(asked)

    strict = evaluate(bench(FunctionSession(wordy), tmp_path), "z", builder, samples)
    assert strict.value == 0
    idle = FunctionSession(wordy)
    world = replace(bench(idle, tmp_path), metric=ContainsMetric(), also=(TokenF1Metric(),))
    lenient = evaluate(world, "z", builder, samples)
    assert lenient.value == sum(knows(0.5)(s.input) == s.target for s in samples) / 30
    assert lenient.metric == lenient.manifest.metric == "contains"
    assert 0 < lenient.also[0].value < 1
    assert lenient.also[0].metric == "token_f1"
    assert idle.batches == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path, builder):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="cache of completions cannot be opened"):
        evaluate(bench(FunctionSession(knows(1)), tmp_path / "file"), "z", builder, capitals(2))


def test_the_tuned_model_answers_the_same_samples_in_the_same_order(tmp_path, builder):
    samples = capitals(20)
    like = evaluate(bench(FunctionSession(knows(0.2)), tmp_path), "z", builder, samples[3:])
    tuned = bench(FunctionSession(knows(0.9), digest="weights-2"), tmp_path)
    found = evaluate_again(tuned, "tuned", builder, samples[::-1], like=like)
    assert [s.sample_id for s in found.scores] == [s.sample_id for s in like.scores]
    with pytest.raises(StaleArtifactError, match="no longer in the data"):
        evaluate_again(tuned, "tuned", builder, samples[5:], like=like)


def test_the_time_to_build_a_prompt_stands_beside_that_of_the_answer(tmp_path, builder):
    class Slow:
        """Takes 40 ms for all questions together and 5 for each."""

        info = builder.info
        shown = 1

        def hits(self, sample, k):
            return []

        def fit(self, train, dev, corpus, tools):
            raise NotImplementedError

        def prepare(self, samples):
            time.sleep(0.04)

        def build(self, sample):
            time.sleep(0.005)
            return builder.build(sample)

    found = evaluate(bench(FunctionSession(knows(1)), tmp_path), "z", Slow(), capitals(4))
    assert found.latency_ms.p50 == 3.0
    assert 15 <= found.building_ms.p50 <= found.building_ms.p95
    assert found.building_ms.p50 < 200
    quick = evaluate(bench(FunctionSession(knows(1)), tmp_path), "z", builder, capitals(4))
    assert quick.building_ms is None
