"""A conversation as a model reads it: its chat template, or the nearest form that it can say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from advisor.schema.chat import folded
from advisor.schema.evaluation import Message, ToolCall

Turn = dict[str, Any]


class ConversationError(Exception):
    """The chat template refuses a conversation in every form we know."""


def tokens_of(messages: Sequence[Message], tokenizer: Any) -> list[int]:
    """Token ids up to where the answer begins. Raises ConversationError."""
    refusals = []
    for turns in _forms(messages, tokenizer):
        try:
            encoded = tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=True, return_dict=True
            )
        except TemplateError as error:
            refusals.append(str(error).strip().splitlines() or [type(error).__name__])
            continue
        return list(encoded["input_ids"])
    raise ConversationError(f"The chat template refuses the conversation: {refusals[-1][0]}")


def _forms(messages: Sequence[Message], tokenizer: Any) -> list[list[Turn]]:
    """The conversation as it is, and for templates without a system role with its text folded in.

    Tools as text where the template does not say them.
    """
    turns = [_turn(message) for message in messages]
    if any(m.role == "tool" or m.tool_calls for m in messages) and not _says(turns, tokenizer):
        turns = [_text_turn(message) for message in messages]
    return [turns, folded(turns)]


def _turn(message: Message) -> Turn:
    """As chat templates want it: arguments parsed, the instruction in the system role."""
    role = "system" if message.role == "developer" else message.role
    turn: Turn = {"role": role, "content": message.content}
    if message.tool_calls:
        turn["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.role == "tool":
        turn |= {"name": message.name, "tool_call_id": message.call_id}
    return turn


def _call(call: ToolCall) -> Turn:
    function = {"name": call.name, "arguments": _arguments(call)}
    return {"type": "function", "function": function} | ({"id": call.id} if call.id else {})


def _arguments(call: ToolCall) -> Any:
    """Parsed where they are a JSON object; templates write them as JSON themselves."""
    try:
        parsed = json.loads(call.arguments)
    except ValueError:
        return call.arguments
    return parsed if isinstance(parsed, dict) else call.arguments


def _says(turns: list[Turn], tokenizer: Any) -> bool:
    """Whether every called function and every result shows in what the template writes."""
    try:
        written = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except TemplateError:
        return False
    calls = [call for turn in turns for call in turn.get("tool_calls", ())]
    results = [str(turn["content"]).strip() for turn in turns if turn["role"] == "tool"]
    names = [str(call["function"]["name"]) for call in calls]
    return all(text in written for text in [*names, *results])


def _text_turn(message: Message) -> Turn:
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
