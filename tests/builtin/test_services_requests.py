"""What service sessions send, and what they leave out once a model does not take it."""

from __future__ import annotations

import pytest

from advisor.schema.evaluation import Message, Prompt, ToolCall
from tests.fixtures.chaos import chaos, expected, good
from tests.fixtures.services import SERVICES, open_at, prompts

for library in ("openai", "anthropic", "tenacity"):
    pytest.importorskip(library)


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
