"""Calls of a service session at once, at their pace, and the end of a session."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from advisor import registry
from advisor.builtin.backends.pace import ClosedError
from advisor.errors import BackendError
from advisor.schema.evaluation import Prompt
from tests.fixtures.chaos import chaos, good
from tests.fixtures.services import FAST, first, open_at, prompts

for library in ("openai", "anthropic", "tenacity"):
    pytest.importorskip(library)


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


def test_the_same_prompt_twice_is_answered_twice():
    [one] = prompts(1)
    with chaos(good) as server, open_at(server) as session:
        assert len(session.generate([one, one], max_new_tokens=16)) == 2
        assert server.sold["item 0"] == 2
