"""Answers held to a JSON schema, and conversations with tools in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from advisor import registry
from advisor.builtin.backends.chat_tokens import ConversationError, tokens_of
from advisor.errors import BackendError, MissingExtraError
from advisor.resources import embedded_model_root
from advisor.schema.evaluation import Message, Prompt, ToolCall
from tests.fixtures.training import prompt

BACKEND = registry.backend("transformers")
LABEL = {"type": "object", "properties": {"label": {"enum": ["billing", "other"]}}, "required": ["label"], "additionalProperties": False}  # fmt: skip
SCHEMAS: dict[str, dict[str, Any]] = {
    "labels": LABEL,
    "a word": {"enum": ["yes", "no"]},
    "nested": {
        "type": "object",
        "properties": {
            "sure": {"type": "boolean"},
            "inner": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 99}}, "required": ["n"], "additionalProperties": False},
        },
        "required": ["sure", "inner"],
        "additionalProperties": False,
    },
    "arrays": {"type": "array", "items": LABEL, "minItems": 2, "maxItems": 3},
}  # fmt: skip


@pytest.mark.ml
@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("which", ["embedded", "random"])
def test_answers_follow_the_schema(name: str, which: str, tiny_llama: str):
    model = str(embedded_model_root()) if which == "embedded" else tiny_llama
    told = {"json_schema": json.dumps(SCHEMAS[name])}
    asked = [prompt(f"Question {i}{'?' * i}", i) for i in range(3)]
    asked += [asked[0].model_copy(update={"temperature": 1.0, "draw": i}) for i in range(3)]
    with BACKEND.open(model, told) as session:
        for completion in session.generate(asked, max_new_tokens=120):
            assert completion.finish == "stop"
            jsonschema.validate(json.loads(completion.text), SCHEMAS[name])
        [cut] = session.generate(asked[:1], max_new_tokens=1)
    assert cut.finish == "length"


@pytest.mark.ml
def test_a_model_asked_plainly_follows_the_schema(tiny_llama: str):
    from advisor.builtin.backends._plain_way import PlainWay

    with BACKEND.open(tiny_llama, {"json_schema": json.dumps(LABEL)}) as session:
        asked = [prompt("short"), prompt("a longer question", 1)]
        expected = [c.text for c in session.generate(asked, max_new_tokens=60)]
        session._way = PlainWay(session._model, "cpu", session._ends, 0)
        assert [c.text for c in session.generate(asked, max_new_tokens=60)] == expected


@pytest.mark.ml
@pytest.mark.parametrize("schema", ["[1]", '{"type": "nonsense"}', "{"])
def test_a_schema_that_cannot_be_kept_is_told(schema: str, tiny_llama: str):
    with pytest.raises(BackendError, match="JSON schema cannot be kept"):
        BACKEND.open(tiny_llama, {"json_schema": schema})


@pytest.mark.ml
def test_a_schema_without_its_library_is_told(tiny_llama: str, monkeypatch: pytest.MonkeyPatch):
    from advisor.builtin.backends import _transformers

    monkeypatch.setattr(_transformers, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match="JSON schema"):
        BACKEND.open(tiny_llama, {"json_schema": "{}"})


TOOL_TALK = (
    Message(role="developer", content="Be brief."),
    Message(role="user", content="Weather in Rome?"),
    Message(
        role="assistant",
        content="",
        tool_calls=(ToolCall(name="get_weather", arguments='{"city": "Rome"}', id="c1"),),
    ),
    Message(role="tool", content="18 degrees", name="get_weather", call_id="c1"),
    Message(role="user", content="And?"),
)
KNOWS_TOOLS = (
    "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}"
    "{% for c in m.get('tool_calls', []) %}CALL {{ c['function']['name'] }}"
    " {% for k, v in c['function']['arguments'].items() %}{{ k }}={{ v }}{% endfor %}{% endfor %}"
    "{% endfor %}"
)


@pytest.fixture(scope="module")
def tokenizer(tiny_llama: str) -> Iterator[Any]:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_llama)


def said(messages: tuple[Message, ...], tokenizer: Any, template: str = "") -> str:
    tokenizer.chat_template = template or tokenizer.chat_template
    return str(tokenizer.decode(tokens_of(messages, tokenizer)))


@pytest.mark.ml
def test_a_template_that_knows_tools_gets_parsed_arguments(tokenizer: Any):
    text = said(TOOL_TALK, tokenizer, KNOWS_TOOLS)
    assert "[system] Be brief." in text
    assert "CALL get_weather city=Rome" in text
    assert "[tool] 18 degrees" in text


@pytest.mark.ml
def test_a_template_without_tools_gets_them_as_text(tokenizer: Any):
    text = said(
        TOOL_TALK,
        tokenizer,
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}",
    )
    assert '<assistant>{"name": "get_weather", "arguments": {"city": "Rome"}}' in text
    assert "<user>Result of get_weather:\n18 degrees" in text


@pytest.mark.ml
def test_arguments_that_are_no_object_stay_text(tokenizer: Any):
    call = ToolCall(name="f", arguments="not json")
    talk = (Message(role="assistant", content="Wait.", tool_calls=(call,)),)
    text = said(talk, tokenizer, "{% for m in messages %}{{ m['content'] }}{% endfor %}")
    assert text == 'Wait.\n{"name": "f", "arguments": "not json"}'


@pytest.mark.ml
def test_a_conversation_that_a_template_refuses_fails_alone(tiny_llama: str):
    refusal = "{% if messages | length > 2 %}{{ raise_exception('too many turns') }}{% endif %}x"
    with BACKEND.open(tiny_llama, {}) as session:
        session._tokenizer.chat_template = refusal
        long = Prompt(sample_id="long", messages=TOOL_TALK)
        fine, failed = session.generate([prompt("Hi"), long], max_new_tokens=2)
        with pytest.raises(ConversationError):
            tokens_of(TOOL_TALK, session._tokenizer)
    assert fine.finish in ("stop", "length")
    assert failed.finish == "error"
    assert failed.error == "The chat template refuses the conversation: too many turns"
