"""A call of a function and what is said of its result do not contradict each other."""

from __future__ import annotations

from advisor.data_check.contradictions import contradicting
from advisor.data_check.normal import input_key, question_key
from advisor.data_check.split import split
from advisor.schema.evaluation import Message, Sample, ToolCall


def test_steps_tell_rows_of_one_question_apart_but_hold_them_together() -> None:
    call = ToolCall(name="weather", arguments='{"city": "Rome"}')
    steps = (
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content="21 degrees"),
    )
    first = Sample(id="a", input="How warm is it in Rome?", target="weather(Rome)")
    then = first.model_copy(update={"id": "b", "target": "It is warm.", "steps": steps})
    again = then.model_copy(update={"id": "c", "target": "It is cold."})
    assert input_key(first) != input_key(then)
    assert question_key(first) == question_key(then)
    assert contradicting([first, then]) == ()
    assert len(contradicting([first, then, again])) == 1
    others = [Sample(id=f"s{n}", input=f"word {n}", target="t") for n in range(40)]
    for seed in range(8):
        assert len({s.split for s in split([*others, first, then], seed=seed)[-2:]}) == 1
