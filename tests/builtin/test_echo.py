"""The echo answers foreseeably."""

from __future__ import annotations

from advisor import registry
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
