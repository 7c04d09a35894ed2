"""The echo answers foreseeably."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from advisor import registry
from advisor.contracts import Session, Streaming
from advisor.errors import InputError
from advisor.schema.evaluation import Prompt
from tests.fixtures.training import prompt


def test_answers_with_the_last_line():
    session = registry.backend("echo").open("", {})
    texts = [
        c.text for c in session.generate([prompt("one\ntwo  \n\n"), prompt("")], max_new_tokens=5)
    ]
    assert texts == ["two", ""]


def test_says_what_it_is_told_to_say():
    session = registry.backend("echo").open("", {"reply": "a b c"})
    whole, cut = (session.generate([prompt("x")], max_new_tokens=n)[0] for n in (3, 2))
    assert (whole.text, whole.finish, whole.completion_tokens) == ("a b c", "stop", 3)
    assert (cut.text, cut.finish, cut.completion_tokens) == ("a b", "length", 2)


def echo(**settings: str) -> Session:
    return registry.backend("echo").open("", settings)


def many(count: int) -> list[Prompt]:
    return [prompt(f"Say it.\nitem {i}", i) for i in range(count)]


def test_a_script_answers_by_what_the_prompt_contains(tmp_path: Path):
    file = tmp_path / "script.jsonl"
    file.write_text(
        '{"contains": "item 1", "reply": "one"}\n\n{"contains": "Say", "replies": ["a", "b", "c"]}\n'
    )
    texts = [c.text for c in echo(script=str(file)).generate(many(30), max_new_tokens=5)]
    assert texts[1] == texts[10] == "one"
    assert set(texts) == {"one", "a", "b", "c"}
    assert texts == [c.text for c in echo(script=str(file)).generate(many(30), max_new_tokens=5)]


def test_draws_of_one_prompt_may_differ(tmp_path: Path):
    file = tmp_path / "script.jsonl"
    file.write_text('{"replies": ["a", "b"]}\n')
    draws = [many(1)[0].model_copy(update={"draw": d}) for d in range(12)]
    assert {c.text for c in echo(script=str(file)).generate(draws, max_new_tokens=5)} == {"a", "b"}


def test_it_fails_as_told_and_tells_it():
    session = echo(fail="lost=0.2,refused=0.1,retried=0.2")
    assert isinstance(session, Streaming)
    done = [c for _, c in session.answers(many(200), max_new_tokens=5)]
    lost = sum(c.finish == "error" and c.may_pass for c in done)
    refused = sum(c.finish == "error" and not c.may_pass for c in done)
    retried = sum(c.attempts == 2 for c in done)
    assert session.events == {"lost": lost, "refused": refused, "retried": retried}
    assert 20 < lost < 60
    assert 8 < refused < 35
    again = echo(fail="lost=0.2,refused=0.1,retried=0.2")
    assert done == again.generate(many(200), max_new_tokens=5)


def test_answers_that_take_time_come_several_at_once():
    session = echo(latency_ms="20", concurrency="10")
    began = time.monotonic()
    done = list(session.answers(many(30), max_new_tokens=5))
    assert time.monotonic() - began < 0.5
    assert {p.sample_id: c.text for p, c in done} == {f"s{i}": f"item {i}" for i in range(30)}
    assert {c.latency_ms for _, c in done} == {20.0}


def test_the_digest_changes_with_what_is_said(tmp_path: Path):
    file = tmp_path / "script.jsonl"
    file.write_text('{"reply": "a"}\n')
    digests = {
        echo().model_digest,
        echo(reply="a b").model_digest,
        echo(script=str(file)).model_digest,
        echo(fail="lost=1").model_digest,
    }
    assert len(digests) == 4
    assert echo(latency_ms="3").model_digest == echo().model_digest


@pytest.mark.parametrize(
    "settings",
    [
        {"script": "/nowhere/script.jsonl"},
        {"fail": "lost"},
        {"fail": "flood=0.1"},
        {"fail": "lost=2"},
        {"latency_ms": "soon"},
    ],
)
def test_a_setting_that_cannot_be_used_is_told(settings: dict):
    with pytest.raises(InputError) as caught:
        echo(**settings)
    assert caught.value.hint


@pytest.mark.parametrize("line", ["{", "[]", '{"reply": 1}', '{"replies": []}', '{"say": "x"}'])
def test_a_broken_script_is_told_with_its_line(tmp_path: Path, line: str):
    file = tmp_path / "script.jsonl"
    file.write_text('{"reply": "a"}\n' + line + "\n")
    with pytest.raises(InputError) as caught:
        echo(script=str(file))
    assert caught.value.where.endswith("script.jsonl:2")
