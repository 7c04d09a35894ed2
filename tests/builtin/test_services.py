"""Sessions with model services: everything that can go wrong does, on a server of this machine."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from advisor import registry
from advisor.builtin.backends.pace import asked_pause
from advisor.contracts import Streaming
from advisor.errors import BackendAuthError, BackendError, BackendQuotaError
from advisor.schema.evaluation import Completion
from tests.fixtures.chaos import PASSING, Plan, at_random, chaos, expected
from tests.fixtures.services import FAST, SERVICES, always, ask_one, first, open_at, prompts

for library in ("openai", "anthropic", "tenacity"):
    pytest.importorskip(library)

SLOW = ("hang", "drip", "drip_head")
CAUSES = {
    "429": "rate_limited", "429_date": "rate_limited", "500": "server_error",
    "503": "server_error", "529": "server_error", "hang": "timeout", "drip": "timeout",
    "reset": "connection_reset", "cut": "connection_reset", "malformed": "malformed_answer",
    "no_json_object": "malformed_answer", "empty_choices": "empty_choices",
}  # fmt: skip


def billed(completion: Completion) -> tuple[int, int]:
    read, written = completion.billed_prompt_tokens, completion.billed_completion_tokens
    return (
        completion.prompt_tokens if read is None else read,
        completion.completion_tokens if written is None else written,
    )


@pytest.mark.parametrize("backend", SERVICES)
def test_in_the_worst_weather_every_prompt_is_answered_right_and_sold_once(backend: str):
    behaviours = PASSING if backend == "openai" else tuple(set(PASSING) - {"empty_choices"})
    with (
        chaos(at_random(7, 0.35, tuple(sorted(behaviours)))) as server,
        open_at(server, backend, concurrency="12", timeout_seconds="0.8") as session,
    ):
        assert isinstance(session, Streaming)
        found = list(session.answers(iter(prompts(60)), max_new_tokens=16))
        told = Counter(session.events)
    assert sorted(int(p.sample_id) for p, _ in found) == list(range(60))
    for prompt, completion in found:
        line = f"item {prompt.sample_id}"
        assert (completion.text, completion.error) == (expected(line), "")
        assert completion.attempts == server.asked[line]
        assert completion.latency_ms < 800
    assert set(server.sold.values()) == {1}
    paid = Counter()
    for _, completion in found:
        paid.update(read=billed(completion)[0], written=billed(completion)[1])
    assert paid == server.billed
    assert paid["read"] > sum(completion.prompt_tokens for _, completion in found)
    seen = Counter()
    for behaviour, count in server.did.items():
        if behaviour != "good":
            seen[CAUSES[behaviour]] += count
    assert {k: v for k, v in told.items() if k != "slow"} == seen
    assert len(seen) >= 5


@pytest.mark.parametrize("behaviour", [*sorted(CAUSES), "429_ms", "drip_head"])
def test_one_failure_of_each_kind_is_told_and_mended(behaviour: str):
    limit = "0.5" if behaviour in SLOW else "5"
    completion, events, server = ask_one(first(behaviour), timeout_seconds=limit)
    assert completion.text == expected("item 0")
    assert completion.attempts == 2
    cause = {"429_ms": "rate_limited", "drip_head": "timeout"}.get(behaviour)
    assert events == {cause or CAUSES[behaviour]: 1}
    assert sum(server.sold.values()) == 1


@pytest.mark.parametrize(
    ("behaviour", "written_times"),
    [
        ("good", None),
        ("500", None),
        ("429", None),
        ("empty_choices", 2),  # counted by the service, and of no use
        ("malformed", 1),
        ("reset", 1),
        ("cut", 1),
    ],
)
def test_what_a_service_bills_without_a_usable_answer_is_counted(
    behaviour: str, written_times: int | None
):
    completion, _, server = ask_one(first(behaviour))
    read, written = completion.prompt_tokens, completion.completion_tokens
    found = (completion.billed_prompt_tokens, completion.billed_completion_tokens)
    assert found == ((2 * read, written_times * written) if written_times else (None, None))
    assert billed(completion) == (server.billed["read"], server.billed["written"])


@pytest.mark.parametrize(("behaviour", "read"), [("too_long", 0), ("500", 0), ("malformed", 10)])
def test_a_prompt_without_an_answer_is_billed_for_what_was_read(behaviour: str, read: int):
    completion, _, _ = ask_one(always(behaviour), attempts="2")
    assert completion.finish == "error"
    assert billed(completion) == (read, 0)


@pytest.mark.parametrize("behaviour", SLOW)
def test_a_call_ends_in_time_as_a_whole(behaviour: str):
    began = time.monotonic()
    completion, _, _ = ask_one(always(behaviour), attempts="1", timeout_seconds="0.3")
    assert time.monotonic() - began < 1.8
    assert completion.error == "The service did not answer in time, asked once."
    assert completion.may_pass


def test_after_the_last_attempt_the_prompt_fails_and_may_pass_later():
    completion, events, _ = ask_one(always("500"), attempts="3")
    assert (completion.finish, completion.attempts, completion.may_pass) == ("error", 3, True)
    assert completion.error == "The service failed, asked 3 times: Something went wrong."
    assert events == {"server_error": 3}


def test_a_service_that_answers_nobody_any_more_ends_the_run():
    plan: Plan = lambda line, _nth: "good" if line == "item 0" else "500"  # noqa: E731
    with chaos(plan) as server, open_at(server, concurrency="2", attempts="2") as session:
        found = []
        with pytest.raises(BackendError, match="left 8 prompts in a row without") as caught:
            found.extend(c for _, c in session.answers(prompts(90), max_new_tokens=16))
        assert "run again" in caught.value.hint
        assert 8 <= len(found) <= 12
        assert len(server.asked) <= 12


def test_being_told_to_wait_is_no_failure():
    completion, events, _ = ask_one(first("429_ms", 5), attempts="2")
    assert completion.text == expected("item 0")
    assert events == {"rate_limited": 5}


def test_a_wait_beyond_our_patience_ends_the_run_and_is_named():
    with (
        chaos(always("429_hour")) as server,
        open_at(server, concurrency="1") as session,
        pytest.raises(BackendError, match="asks to wait 60 minutes before the next call") as caught,
    ):
        session.generate(prompts(2), max_new_tokens=16)
    assert "run the same command again" in caught.value.hint
    assert sum(server.asked.values()) == 1


def test_a_wait_within_our_patience_is_kept_as_told():
    from advisor.builtin.backends._calling import PATIENCE_SECONDS

    asked = asked_pause({"retry-after": "600"})
    assert asked == 600 < PATIENCE_SECONDS


def test_one_lane_that_is_told_to_wait_holds_all():
    with (
        chaos(lambda line, nth: "429" if line == "item 0" and not nth else "good") as server,
        open_at(server, concurrency="1") as session,
    ):
        session.generate(prompts(2), max_new_tokens=16)
        gap = (server.times[1] - server.times[0]).total_seconds()
    assert gap >= 0.05


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("401", BackendAuthError),
        ("403", BackendAuthError),
        ("402", BackendQuotaError),
        ("insufficient_quota", BackendQuotaError),
        ("404", BackendError),
    ],
)
@pytest.mark.parametrize("backend", SERVICES)
def test_what_will_never_pass_ends_the_run_at_once(behaviour: str, kind: type, backend: str):
    with chaos(always(behaviour)) as server, open_at(server, backend, concurrency="1") as session:
        with pytest.raises(kind) as caught:
            session.generate(prompts(5), max_new_tokens=16)
        assert sum(server.asked.values()) == 1
    assert caught.value.hint
    assert str(caught.value.message).endswith(".")


def test_a_model_that_is_not_there_is_told_with_the_nearest():
    with chaos(always("404")) as server:
        told = {"base_url": f"{server.base_url}/v1"} | FAST
        with (
            registry.backend("openai").open("servd", told) as session,
            pytest.raises(BackendError, match="has no model 'servd'") as caught,
        ):
            session.generate(prompts(1), max_new_tokens=16)
    assert caught.value.hint == "Did you mean 'served'?"


def test_answers_under_way_are_handed_out_before_the_run_ends():
    plan: Plan = lambda line, _nth: "insufficient_quota" if line == "item 3" else "good"  # noqa: E731
    with chaos(plan) as server, open_at(server, concurrency="4") as session:
        found = []
        with pytest.raises(BackendQuotaError):
            found.extend(
                (p.sample_id, c.text) for p, c in session.answers(prompts(40), max_new_tokens=16)
            )
        assert len(found) == sum(server.sold.values())
        assert sum(server.asked.values()) < 30


@pytest.mark.parametrize("backend", SERVICES)
def test_a_prompt_that_is_too_long_fails_alone_and_for_good(backend: str):
    plan: Plan = lambda line, _nth: "too_long" if line == "item 1" else "good"  # noqa: E731
    with chaos(plan) as server, open_at(server, backend) as session:
        found = session.generate(prompts(3), max_new_tokens=16)
        assert server.asked["item 1"] == 1
    assert [c.finish for c in found] == ["stop", "error", "stop"]
    assert not found[1].may_pass
    assert "maximum context length" in found[1].error


def test_another_model_is_told():
    completion, events, _ = ask_one(always("wrong_model"))
    assert completion.served_model == "another-model"
    assert events == {"other_model": 1}


def test_a_dated_version_is_the_model_asked_for():
    from advisor.builtin.backends._exchange import same_model

    assert same_model("gpt-4o", "gpt-4o-2024-08-06")
    assert same_model("llama3", "llama3:latest")
    assert same_model("meta/llama", "llama")
    assert not same_model("gpt-4o", "gpt-4o-mini")
    assert not same_model("gpt-4o", "gpt-4")


def test_tokens_are_estimated_and_told_where_the_service_counts_none():
    completion, events, _ = ask_one(always("no_usage"))
    assert (completion.prompt_tokens, completion.completion_tokens) == (5, 4)
    assert events == {"usage_estimated": 1}
