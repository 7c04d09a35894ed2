"""Calls of functions reach the model: the functions, earlier calls, and what came back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.builtin.backends.transformers_local import TransformersBackend
from advisor.builtin.prompting.few_shot import FewShotBuilder
from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.errors import DatasetError
from advisor.schema.chat import has_tools, says_tools, text_turn_of, tools_text, turn_of
from advisor.schema.evaluation import Message, Sample, ToolCall
from advisor.training_set import _before_input
from tests.fixtures.bench import Tools
from tests.fixtures.tiny_llama import TEMPLATE, make_tiny_llama
from tests.fixtures.training import training_plan
from trainers.engines.trl.dataset import prompt_messages, prompt_turns

TOOL = json.dumps({"name": "weather"})
CALL = Message(
    role="assistant",
    content="",
    tool_calls=(ToolCall(name="weather", arguments='{"city": "Bonn"}', id="c1"),),
)
RESULT = Message(role="tool", content="12", name="weather", call_id="c1")
ASKED = Sample(
    id="t", input="Weather in Bonn?", target="12 degrees", tools=(TOOL,), steps=(CALL, RESULT)
)


def _other() -> Sample:
    """A sample like the asked one, and no copy of it: copies are never shown as shots."""
    other = {"id": "s", "split": "train", "input": "How warm is it in Rome?"}
    return ASKED.model_copy(update=other)


def fitted(builder, tmp_path, train=(), **tools):
    builder.fit(train, [], [], Tools(tmp_path, **tools))
    return builder


def test_a_prompt_holds_the_functions_and_what_came_back(tmp_path: Path) -> None:
    messages = fitted(ZeroShotBuilder(), tmp_path).build(ASKED).messages
    assert [message.role for message in messages] == ["system", "user", "assistant", "tool"]
    assert messages[0].content == "Answer the question.\n\n" + tools_text((TOOL,))
    assert messages[2:] == ASKED.steps
    [told, *_] = fitted(ZeroShotBuilder(), tmp_path, instruction="").build(ASKED).messages
    assert told == Message(role="system", content=tools_text((TOOL,)))


def test_a_developer_turn_opens_like_a_system_turn(tmp_path: Path) -> None:
    own = (Message(role="developer", content="Be brief."), Message(role="user", content="Hi"))
    sample = ASKED.model_copy(update={"history": own, "tools": ()})
    messages = fitted(ZeroShotBuilder(), tmp_path).build(sample).messages
    assert messages[:2] == own
    assert messages[0].role == "developer"


def test_shots_show_their_steps(tmp_path: Path) -> None:
    shot = _other()
    messages = fitted(FewShotBuilder(), tmp_path, [shot]).build(ASKED).messages
    roles = ["user", "assistant", "tool"]
    assert [m.role for m in messages] == ["system", *roles, "assistant", *roles]


def test_training_behind_shots_keeps_input_and_steps_apart(tmp_path: Path) -> None:
    builder = fitted(FewShotBuilder(), tmp_path, [_other()])
    before = _before_input(builder, ASKED)
    behind = ASKED.model_copy(update={"history": before, "tools": ()})
    assert prompt_messages(behind, "x") == list(builder.build(ASKED).messages)


def test_turns_as_templates_take_them_and_as_text() -> None:
    assert has_tools(ASKED.steps)
    turns = prompt_turns(ASKED, "")
    assert turns[2]["tool_calls"][0]["function"] == {
        "name": "weather",
        "arguments": {"city": "Bonn"},
    }
    assert says_tools(turns, "... weather ... 12")
    assert not says_tools(turns, "... weather ...")
    assert text_turn_of(CALL)["content"] == '{"name": "weather", "arguments": {"city": "Bonn"}}'
    assert text_turn_of(RESULT) == {"role": "user", "content": "Result of weather:\n12"}
    assert turn_of(Message(role="developer", content="x"))["role"] == "system"


SAYS_TOOLS = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}"
    "{% for c in m.get('tool_calls', []) %}{{ c['function']['name'] }}"
    "{{ c['function']['arguments'] }}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.mark.ml
@pytest.mark.parametrize("template", [TEMPLATE, SAYS_TOOLS])
def test_a_model_is_trained_on_calls_in_the_form_it_is_asked(template: str, tmp_path: Path) -> None:
    from trainers.engines.trl._model import open_tokenizer
    from trainers.engines.trl._rows import rows_of

    folder = str(make_tiny_llama(tmp_path / "model", template=template))
    prompt = fitted(ZeroShotBuilder(), tmp_path).build(ASKED)
    with TransformersBackend().open(folder, {}) as session:
        [answer] = session.generate([prompt], max_new_tokens=2)
    tokenizer = open_tokenizer(training_plan(folder))
    [row] = rows_of([ASKED], "Answer the question.", tokenizer, sequence_length=2000).dataset
    assert row["labels"].count(-100) == answer.prompt_tokens
    written = tokenizer.decode(row["input_ids"])
    for text in ("weather", "Bonn", "12", "These functions may be called"):
        assert text in written


@pytest.mark.ml
@pytest.mark.parametrize(
    ("change", "words"),
    [({"input": ""}, "plain text and asks nothing"), ({"is_good": False}, "marked as bad")],
)
def test_what_would_be_learnt_wrongly_is_refused(change, words: str, tiny_llama: str) -> None:
    from trainers.engines.trl._model import open_tokenizer
    from trainers.engines.trl._rows import rows_of

    tokenizer = open_tokenizer(training_plan(tiny_llama))
    sample = ASKED.model_copy(update={**change, "line": 7})
    with pytest.raises(DatasetError, match=words) as caught:
        rows_of([sample], "x", tokenizer, sequence_length=2000)
    assert caught.value.where == "line 7"
