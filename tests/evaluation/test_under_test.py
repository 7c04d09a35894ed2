import pytest

from advisor.errors import BackendResponseError
from advisor.evaluation.purse import Purse
from advisor.evaluation.under_test import UnderTest, with_model
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Completion, Message, Prompt
from advisor.schema.purse import TokenPrice
from tests.fixtures.bench import FunctionSession, Tools, bench, capitals, knows

CENT = TokenPrice(
    prompt_usd_per_million=10_000,
    completion_usd_per_million=10_000,
    provenance=Provenance(kind="assumed"),
)


def asked(samples):
    return [
        Prompt(sample_id=s.id, messages=(Message(role="user", content=s.input),)) for s in samples
    ]


def under_test(tmp_path, calls, answer=None, **more):
    session = FunctionSession(answer or knows(1))
    return UnderTest(bench(session, tmp_path, **more), calls=calls), session


def test_calls_are_counted_and_end(tmp_path):
    model, session = under_test(tmp_path, 5)
    assert len(model.ask(asked(capitals(3)))) == 3
    assert model.calls_left == 2
    answers = model.ask(asked(capitals(9, start=10)))
    assert [a.text for a in answers] == ["City 10", "City 11"]
    assert model.calls_left == 0
    assert model.ask(asked(capitals(2, start=50))) == []
    assert sum(map(len, session.batches)) == 5


def test_equal_prompts_cost_one_call(tmp_path):
    model, session = under_test(tmp_path, 1)
    (sample,) = capitals(1)
    assert [a.text for a in model.ask(asked([sample, sample]))] == ["City 0", "City 0"]
    assert (model.calls_left, sum(map(len, session.batches))) == (0, 1)


def test_a_search_that_is_repeated_takes_the_same_way_for_nothing(tmp_path):
    first, _ = under_test(tmp_path, 4)
    was = first.ask(asked(capitals(6)))
    again, session = under_test(tmp_path, 4)
    now = again.ask(asked(capitals(6)))
    assert [a.text for a in now] == [a.text for a in was]
    assert (again.calls_left, session.batches) == (0, [])


def test_money_that_runs_out_ends_it_short(tmp_path):
    model, session = under_test(tmp_path, 40, purse=Purse(CENT, cap_usd=0.5), batch_size=1)
    answers = model.ask(asked(capitals(40)))
    assert 0 < len(answers) < 40
    assert len(answers) == sum(map(len, session.batches))


def test_scores_are_the_metrics_own(tmp_path):
    model, _ = under_test(tmp_path, 9, knows(0.5))
    samples = capitals(9)
    prompts = asked(samples)
    answers = model.ask(prompts)
    scores = model.score(prompts, answers, samples)
    assert [s.value for s in scores] == [
        float(a.text == s.target) for a, s in zip(answers, samples, strict=True)
    ]
    assert 0 < sum(s.value for s in scores) < 9
    assert len(model.score(prompts, answers[:4], samples)) == 4


def test_reflection_may_be_longer_and_is_kept_apart(tmp_path):
    model, session = under_test(tmp_path, 9, lambda text: f"{text}!")
    prompts = asked(capitals(1))
    assert model.reflect(prompts, max_new_tokens=700)[0].text == "Capital 0?!"
    assert session.max_new_tokens == 700
    model.ask(prompts)
    assert session.max_new_tokens == 64
    assert model.usage.calls == 2


def test_a_service_that_is_down_ends_the_search(tmp_path):
    class Down(FunctionSession):
        def completion(self, asked):
            return Completion(
                text="",
                prompt_tokens=0,
                completion_tokens=0,
                latency_ms=0,
                finish="error",
                error="503",
            )

    model = UnderTest(bench(Down(knows(1)), tmp_path), calls=50)
    with pytest.raises(BackendResponseError, match="20 of 20 prompts asked while searching"):
        model.ask(asked(capitals(20)))


def test_tools_carry_the_model_and_stay_what_they_are(tmp_path):
    model, _ = under_test(tmp_path, 1)
    tools = with_model(Tools(tmp_path, seed=7), model)
    assert tools.model is model
    assert (tools.seed, tools.cache_dir, tools.should_stop()) == (7, tmp_path, False)
