"""The chat forms on which trainer and backend must agree, beyond a model's own template."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from advisor.schema.evaluation import Message, Sample, ToolCall

PLAIN_CHAT_TEMPLATE = (
    "{{ bos_token if bos_token is defined and bos_token else '' }}"
    "{% for message in messages %}"
    "{{ '### ' + message['role'].capitalize() + '\\n' + message['content'] }}"
    "{{ (eos_token if eos_token is defined and eos_token else '')"
    " if message['role'] == 'assistant' else '' }}"
    "{{ '\\n\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Assistant\\n' }}{% endif %}"
)
"""Jinja: a heading per turn, the end-of-text token after an assistant's turn.

Trainer and backend both fall back to it, so that a base model is tuned and asked in one form.
"""


def folded(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same turns for a template without system role: its text heads the first user turn."""
    system = [turn["content"] for turn in turns if turn["role"] == "system"]
    rest = [dict(turn) for turn in turns if turn["role"] != "system"]
    first = next((turn for turn in rest if turn["role"] == "user"), None)
    if system and first is not None:
        first["content"] = "\n\n".join([*system, first["content"]])
    return rest


def opening(sample: Sample, instruction: str) -> tuple[Message, ...]:
    """The system turns: the row's own where it has some, else the task's instruction, else none.

    The functions that the sample may call stand at their end: no prompt leaves them untold.
    """
    own = tuple(turn for turn in sample.history if turn.role in OPENING_ROLES)
    given = (Message(role="system", content=instruction),) if instruction else ()
    turns = own or given
    if not sample.tools:
        return turns
    told = tools_text(sample.tools)
    if not turns:
        return (Message(role="system", content=told),)
    last = turns[-1].model_copy(update={"content": f"{turns[-1].content}\n\n{told}"})
    return (*turns[:-1], last)


OPENING_ROLES = ("system", "developer")


def earlier(sample: Sample) -> tuple[Message, ...]:
    """The conversation before the input, without system turns."""
    return tuple(turn for turn in sample.history if turn.role not in OPENING_ROLES)


def tools_text(tools: Sequence[str]) -> str:
    """What a model is told of the functions it may call, and how the data writes a call."""
    listed = "\n".join(tools)
    return (
        f"These functions may be called:\n{listed}\n"
        'To call, answer with nothing but JSON: [{"name": ..., "arguments": {...}}]'
    )


def turn_of(message: Message) -> dict[str, Any]:
    """A turn as chat templates want it: arguments parsed, instructions in the system role."""
    role = "system" if message.role == "developer" else message.role
    turn: dict[str, Any] = {"role": role, "content": message.content}
    if message.tool_calls:
        turn["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.role == "tool":
        turn |= {"name": message.name, "tool_call_id": message.call_id}
    return turn


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": _arguments(call)}
    return {"type": "function", "function": function} | ({"id": call.id} if call.id else {})


def _arguments(call: ToolCall) -> Any:
    """Parsed where they are a JSON object; templates write them as JSON themselves."""
    try:
        parsed = json.loads(call.arguments)
    except ValueError:
        return call.arguments
    return parsed if isinstance(parsed, dict) else call.arguments


def has_tools(messages: Sequence[Message]) -> bool:
    """Whether a conversation holds calls of functions or their results."""
    return any(message.role == "tool" or message.tool_calls for message in messages)


def says_tools(turns: Sequence[dict[str, Any]], written: str) -> bool:
    """Whether every called function and every result shows in what a template wrote."""
    calls = [call for turn in turns for call in turn.get("tool_calls", ())]
    results = [str(turn["content"]).strip() for turn in turns if turn["role"] == "tool"]
    names = [str(call["function"]["name"]) for call in calls]
    return all(text in written for text in [*names, *results])


def text_turn_of(message: Message) -> dict[str, Any]:
    """A call as JSON in the assistant's own turn, a result in a turn of the user."""
    if message.role == "tool":
        heading = f"Result of {message.name}:" if message.name else "Result:"
        return {"role": "user", "content": f"{heading}\n{message.content}"}
    calls = [
        json.dumps({"name": call.name, "arguments": _arguments(call)}, ensure_ascii=False)
        for call in message.tool_calls
    ]
    lines = [line for line in (message.content, *calls) if line]
    role = "system" if message.role == "developer" else message.role
    return {"role": role, "content": "\n".join(lines)}
