"""A web page where an answer should be: at first the wrong address, later a fault that passes."""

from __future__ import annotations

import pytest

from advisor.errors import BackendError
from tests.fixtures.chaos import chaos
from tests.fixtures.services import SERVICES, always, open_at, prompts

for library in ("openai", "anthropic", "tenacity"):
    pytest.importorskip(library)


@pytest.mark.parametrize("backend", SERVICES)
def test_a_login_page_ends_the_run_at_the_first_call(backend: str):
    with (
        chaos(always("login_page")) as server,
        open_at(server, backend, concurrency="1") as session,
    ):
        with pytest.raises(BackendError, match="a web page instead of JSON: 'Please sign in") as e:
            session.generate(prompts(5), max_new_tokens=16)
        assert sum(server.asked.values()) == 1
    assert "--base-url" in e.value.hint
    assert "chaos-key" not in e.value.message
    assert "sk-" not in e.value.message


def test_a_page_after_an_answer_passes():
    def second_is_a_page(line: str, nth: int) -> str:
        return "login_page" if nth == 0 and line != prompts_lines[0] else "good"

    some = prompts(4)
    prompts_lines = [one.messages[-1].content.splitlines()[-1] for one in some]
    with chaos(second_is_a_page) as server, open_at(server, concurrency="1") as session:
        replies = session.generate(some, max_new_tokens=16)
    assert [reply.error for reply in replies] == [""] * 4
