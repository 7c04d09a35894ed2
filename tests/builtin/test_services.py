"""Sessions with model services: everything that can go wrong does, on a server of this machine."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from advisor import registry
from advisor.builtin.backends.pace import LONGEST_PAUSE, ClosedError, asked_pause
from advisor.builtin.backends.refusals import refusal
from advisor.builtin.backends.scrubbing import scrubbed
from advisor.contracts import Session, Streaming
from advisor.errors import BackendAuthError, BackendError, BackendQuotaError, InputError
from advisor.schema.evaluation import Completion, Message, Prompt, ToolCall
from tests.fixtures.chaos import KEY, PASSING, Chaos, Plan, at_random, chaos, expected, good

for library in ("openai", "anthropic", "tenacity"):
    pytest.importorskip(library)

FAST = {"timeout_seconds": "5", "first_wait_seconds": "0.01"}
SLOW = ("hang", "drip", "drip_head")
CAUSES = {
    "429": "rate_limited", "429_date": "rate_limited", "500": "server_error",
    "503": "server_error", "529": "server_error", "hang": "timeout", "drip": "timeout",
    "reset": "connection_reset", "cut": "connection_reset", "malformed": "malformed_answer",
    "no_json_object": "malformed_answer", "empty_choices": "empty_choices",
}  # fmt: skip
SERVICES = ("openai", "anthropic")


def prompts(count: int) -> list[Prompt]:
    turns = [
        (
            Message(role="system", content="Answer."),
            Message(role="user", content=f"Text.\nitem {i}"),
        )
        for i in range(count)
    ]
    return [Prompt(sample_id=str(i), messages=turn) for i, turn in enumerate(turns)]


def open_at(server: Chaos, backend: str = "openai", **settings: str) -> Session:
    path = "/v1" if backend == "openai" else ""
    told = {"base_url": server.base_url + path} | FAST | settings
    return registry.backend(backend).open("served", told)


def ask_one(plan: Plan, backend: str = "openai", **settings: str) -> tuple[Completion, dict, Chaos]:
    with chaos(plan) as server, open_at(server, backend, **settings) as session:
        [completion] = session.generate(prompts(1), max_new_tokens=16)
        return completion, dict(session.events), server


def always(behaviour: str) -> Plan:
    return lambda _line, _nth: behaviour


def first(behaviour: str, times: int = 1) -> Plan:
    return lambda _line, nth: behaviour if nth < times else "good"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


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


@pytest.mark.parametrize("backend", SERVICES)
def test_no_key_is_in_any_error(backend: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    seen: list[object] = []
    for behaviour in ("key_echo_500", "key_echo_text", "401"):
        with (
            chaos(always(behaviour)) as server,
            open_at(server, backend, attempts="2", concurrency="1") as session,
        ):
            try:
                seen.append(session.generate(prompts(1), max_new_tokens=16))
            except BackendAuthError as error:
                linked = [error.__cause__, error.__context__]
                seen += [error.message, error.hint, error.where, repr(error), *linked]
            seen += [repr(session), session.model_digest, str(session.events)]
            assert server.keys == {KEY}
    text = repr(seen)
    assert KEY not in text
    assert KEY[4:16] not in text
    assert "(29 characters)" in text


def test_lanes_are_all_used_and_no_more():
    busy, most, lock = [0], [0], threading.Lock()

    def plan(_line: str, _nth: int) -> str:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.02)
        with lock:
            busy[0] -= 1
        return "good"

    with chaos(plan) as server, open_at(server, concurrency="5") as session:
        session.generate(prompts(30), max_new_tokens=16)
    assert most == [5]


def test_a_prompt_is_taken_only_when_there_is_room():
    taken, given = [], []

    def source() -> Iterator[Prompt]:
        for prompt in prompts(20):
            taken.append(prompt.sample_id)
            yield prompt

    with chaos(good) as server, open_at(server, concurrency="3") as session:
        for prompt, _ in session.answers(source(), max_new_tokens=16):
            given.append(prompt.sample_id)
            assert len(taken) - len(given) <= 6
    assert sorted(given) == sorted(taken)


def test_calls_a_minute_are_kept():
    with (
        chaos(good) as server,
        open_at(server, requests_per_minute="1200", concurrency="4") as session,
    ):
        session.generate(prompts(6), max_new_tokens=16)
        spread = (max(server.times) - min(server.times)).total_seconds()
    assert spread > 0.15


def test_a_session_can_be_left_in_the_middle():
    with chaos(first("500", 50)) as server:
        session = open_at(server, first_wait_seconds="30")

        def leave() -> None:
            while sum(server.asked.values()) < 8:
                time.sleep(0.005)
            time.sleep(0.08)  # every lane has its answer by now, and waits
            session.__exit__(None, None, None)

        leaving = threading.Thread(target=leave)
        leaving.start()
        began = time.monotonic()
        with pytest.raises(ClosedError):
            list(session.answers(prompts(9), max_new_tokens=16))
        leaving.join()
        assert time.monotonic() - began < 10


def test_a_service_that_is_not_there_is_told():
    settings = {"base_url": "http://127.0.0.1:9/v1"} | FAST
    with (
        registry.backend("openai").open("served", settings) as session,
        pytest.raises(
            BackendError, match=r"No service answers at 127\.0\.0\.1:9: .*Connection refused"
        ),
    ):
        session.generate(prompts(3), max_new_tokens=16)


@pytest.mark.parametrize(
    ("refused", "sentence", "event"),
    [
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.",
         "asked_with_max_completion_tokens"),
        ("temperature", "'temperature' does not support 0.0 with this model.",
         "temperature_refused"),
        ("seed", "Unrecognized request argument supplied: seed", "seed_refused"),
        ("system", "System role not supported by this template", "system_role_folded"),
    ],
)  # fmt: skip
def test_what_a_model_does_not_take_is_left_out_from_then_on(
    refused: str, sentence: str, event: str
):
    with (
        chaos(good, {refused: sentence}) as server,
        open_at(server, seed="5", concurrency="1") as session,
    ):
        found = session.generate(prompts(4), max_new_tokens=16)
        assert [c.text for c in found] == [expected(f"item {i}") for i in range(4)]
        assert [c.attempts for c in found] == [2, 1, 1, 1]
        assert session.events == {event: 1}
        if refused == "system":
            told = server.bodies[-1]["messages"][0]["content"]
            assert told.startswith("Answer.\n\nText.\nitem")


def test_a_schema_is_asked_for_and_given_up_step_by_step():
    schema = '{"type": "object"}'
    with chaos(good) as server, open_at(server, json_schema=schema) as session:
        session.generate(prompts(1), max_new_tokens=16)
        asked = server.bodies[0]["response_format"]["json_schema"]
        assert asked == {"name": "answer", "schema": {"type": "object"}, "strict": True}
    refuses = {"response_format": "Invalid schema for response_format"}
    with chaos(good, refuses) as server, open_at(server, json_schema=schema) as session:
        [completion] = session.generate(prompts(1), max_new_tokens=16)
        assert completion.attempts == 3
        assert session.events == {"json_schema_loosened": 1, "json_schema_refused": 1}


def test_draws_have_seeds_of_their_own():
    asked = [
        Prompt(sample_id="x", messages=prompts(1)[0].messages, temperature=0.7, draw=d)
        for d in (0, 2)
    ]
    with chaos(good) as server, open_at(server, seed="5", concurrency="1") as session:
        session.generate(asked, max_new_tokens=16)
        assert [b["seed"] for b in server.bodies] == [5, 7]
        assert {b["temperature"] for b in server.bodies} == {0.7}


TOOL_TURNS = (
    Message(role="developer", content="Be brief."),
    Message(role="user", content="Weather?"),
    Message(role="assistant", content="", tool_calls=(
        ToolCall(name="weather", arguments='{"city": "Ulm"}', id="c1"),)),
    Message(role="tool", content="rain", name="weather", call_id="c1"),
)  # fmt: skip


@pytest.mark.parametrize("backend", SERVICES)
def test_tool_turns_are_passed_through(backend: str):
    with chaos(good) as server, open_at(server, backend) as session:
        [done] = session.generate([Prompt(sample_id="t", messages=TOOL_TURNS)], max_new_tokens=99)
        body = server.bodies[0]
    assert done.finish == "stop"
    if backend == "openai":
        assert [m["role"] for m in body["messages"]] == ["developer", "user", "assistant", "tool"]
        [call] = body["messages"][2]["tool_calls"]
        assert (call["id"], call["function"]["name"]) == ("c1", "weather")
        assert body["messages"][3]["tool_call_id"] == "c1"
    else:
        assert body["system"] == "Be brief."
        assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
        assert body["messages"][1]["content"][0]["input"] == {"city": "Ulm"}
        assert body["messages"][2]["content"][0]["tool_use_id"] == "c1"
        assert body["tools"][0]["name"] == "weather"


def test_the_same_prompt_twice_is_answered_twice():
    [one] = prompts(1)
    with chaos(good) as server, open_at(server) as session:
        assert len(session.generate([one, one], max_new_tokens=16)) == 2
        assert server.sold["item 0"] == 2


def test_the_digest_knows_address_and_model_but_no_key(monkeypatch: pytest.MonkeyPatch):
    def digest(model: str, url: str, key: str) -> str:
        monkeypatch.setenv("OPENAI_API_KEY", key)
        return registry.backend("openai").open(model, {"base_url": url}).model_digest

    base = digest("m", "https://a.example/v1", "key-one-11111")
    assert digest("m", "https://user:word@a.example/v1/", "key-two-22222") == base
    assert digest("n", "https://a.example/v1", "key-one-11111") != base
    assert digest("m", "https://b.example/v1", "key-one-11111") != base


def test_a_key_is_needed_away_from_this_machine(monkeypatch: pytest.MonkeyPatch):
    backend = registry.backend("openai")
    with pytest.raises(BackendAuthError, match="OPENAI_API_KEY is not set"):
        backend.open("m", {})
    with pytest.raises(BackendAuthError, match="MY_KEY is not set"):
        backend.open("m", {"api_key_env": "MY_KEY"})
    with pytest.raises(BackendAuthError, match="ANTHROPIC_API_KEY is not set"):
        registry.backend("anthropic").open("m", {})
    assert backend.open("m", {"base_url": "http://[::1]:8000/v1"}).model_digest
    assert backend.open("m", {"base_url": "http://localhost:11434/v1"}).model_digest


def test_keys_stay_with_those_they_are_for(monkeypatch: pytest.MonkeyPatch):
    from advisor.builtin.backends.openai_compatible import OPENAI
    from advisor.builtin.backends.service_settings import read_settings

    def sent(url: str, **more: str) -> str:
        return read_settings("m", {"base_url": url} | more, OPENAI).api_key.get_secret_value()

    monkeypatch.setenv("OPENAI_API_KEY", "for-openai")
    monkeypatch.setenv("TOGETHER_API_KEY", "for-together")
    assert sent("https://api.together.xyz/v1") == "for-together"
    assert sent("https://api.openai.com/v1") == "for-openai"
    assert sent("http://localhost:8000/v1") == "for-openai"
    assert sent("http://far.example/v1") == "none"
    assert sent("http://far.example/v1", api_key_env="OPENAI_API_KEY") == "for-openai"
    assert "for-openai" not in repr(read_settings("m", {}, OPENAI))


@pytest.mark.parametrize(
    "settings",
    [
        {"concurrency": "0"},
        {"concurrency": "many"},
        {"concurrency": "1.5"},
        {"timeout_seconds": "-1"},
        {"requests_per_minute": "nan"},
        {"seed": "x"},
        {"json_schema": "{"},
        {"json_schema": "[]"},
        {"base_url": "localhost:8000"},
    ],
)
def test_a_setting_that_cannot_be_used_is_told(settings: dict):
    told = {"base_url": "http://localhost:8000/v1"} | settings
    with pytest.raises(InputError) as caught:
        registry.backend("openai").open("m", told)
    assert caught.value.hint


def test_a_service_without_a_key_may_say_none():
    with (
        chaos(always("404")) as server,
        open_at(server) as session,
        pytest.raises(BackendError, match="does not exist") as caught,
    ):
        session.generate(prompts(1), max_new_tokens=16)
    assert "characters)" not in caught.value.message


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Bearer abcdefgh12345678 refused", "Bearer abc... (16 characters) refused"),
        ("key sk-proj-0123456789 and hf_ABCDEFGHIJ", "key sk-... (18 characters) and hf_... (13 characters)"),
        ("the task-force answered", "the task-force answered"),
        ("two\nlines " + "x" * 300, "two lines " + "x" * 227 + "..."),
    ],
)  # fmt: skip
def test_what_looks_like_a_key_is_masked(told: str, shown: str):
    assert scrubbed(told) == shown


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "86400"}, LONGEST_PAUSE),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Thu, 26 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 26 Nov 2026 11:00:00 GMT"}, 0.0),
    ],
)
def test_the_pause_a_service_asks_for(headers: dict, seconds: float | None):
    assert asked_pause(headers, datetime(2026, 11, 26, 12, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, "", "auth"),
        (403, '{"error": {"message": "billing_not_active"}}', "quota"),
        (402, "Payment required", "quota"),
        (400, '{"error": {"message": "Your credit balance is too low"}}', "quota"),
        (429, '{"error": {"code": "insufficient_quota", "message": "no"}}', "quota"),
        (429, '{"error": {"message": "slow down"}}', "rate_limited"),
        (400, '{"error": {"code": "context_length_exceeded", "message": "no"}}', "too_long"),
        (400, '{"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}', "too_long"),
        (413, "", "too_long"),
        (404, '{"detail": "Not Found"}', "no_model"),
        (408, "", "timeout"),
        (409, "", "server_error"),
        (500, "<html>", "server_error"),
        (529, '{"error": "overloaded"}', "server_error"),
        (400, '{"object": "error", "message": "bad", "code": 400}', "refused"),
        (422, "[1, 2]", "refused"),
    ],
)
def test_what_a_refusal_means(status: int, body: str, kind: str):
    told = refusal(status, body)
    assert told.kind == kind
    assert told.words
