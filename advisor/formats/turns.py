"""Turns of a conversation as the common formats write them, calls of functions included."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeGuard

from advisor.formats.values import RowError, filled, shown, text_of
from advisor.schema.evaluation import Message, ToolCall

Role = Literal["system", "developer", "user", "assistant", "tool"]
TURNS_HINT = "Give a list of turns that ends with a user turn and then an assistant turn."
ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "ipython": "tool",
    "function_call": "assistant",
    "tool_call": "assistant",
}
CALL_ROLES = frozenset({"function_call", "tool_call"})
"""Roles whose text is a call: `{"name": ..., "arguments": ...}`."""


PLAIN_ROLES = {said: role for said, role in ROLES.items() if said not in CALL_ROLES}
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Turn(NamedTuple):
    """One turn, lighter than a `Message`: most turns end as an input or a target."""

    role: Role
    content: str
    calls: tuple[ToolCall, ...] = ()
    name: str = ""
    call_id: str = ""
    weight: float | None = None

    def message(self) -> Message:
        """The turn as samples carry it."""
        return Message(
            role=self.role,
            content=self.content,
            name=self.name,
            tool_calls=self.calls,
            call_id=self.call_id,
            weight=self.weight,
        )


class Turns(NamedTuple):
    """What a row says: earlier turns, the input, the target, and what belongs to them."""

    input: str
    target: str
    history: tuple[Message, ...] = ()
    steps: tuple[Message, ...] = ()
    rejected: str | None = None
    is_good: bool | None = None
    tools: object = None
    is_number: bool = False
    """The target was a number or true or false, and is now its text."""


def plain_conversation(value: object) -> Turns | None:
    """Turns with a speaker and a text and no more, user before assistant at the end; quick.

    None where anything is unusual and `turns_of` must look.
    """
    if not isinstance(value, list) or len(value) < 2:
        return None
    try:
        content = "content" if "role" in value[-1] else "value"
        speaker = "role" if content == "content" else "from"
        said = [(PLAIN_ROLES[turn[speaker]], turn[content]) for turn in value if len(turn) == 2]
    except (KeyError, TypeError):
        return None
    if len(said) != len(value) or (said[-2][0], said[-1][0]) != ("user", "assistant"):
        return None
    asked, answer = said[-2][1], said[-1][1]
    if not all(_is_plain(text) for _, text in said) or asked.isspace() or answer.isspace():
        return None
    earlier = tuple([Message(role=role, content=text) for role, text in said[:-2]])
    return Turns(asked, answer, earlier) if asked and answer else None


def _is_plain(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and (text.isascii() or not LONE_SURROGATE.search(text))


def turns_of(field: str, value: object) -> list[Turn]:
    """The turns in a list of objects with a speaker and a text; raises RowError."""
    if isinstance(value, str):
        value = _list_in(value)
    if not isinstance(value, list):
        raise RowError("not_a_list", f"'{field}' must be a list of messages", TURNS_HINT)
    turns: list[Turn] = []
    for number, item in enumerate(value, start=1):
        if isinstance(item, dict) and "human" in item and "assistant" in item:
            turns += _pair(f"{field}[{number}]", item)
        else:
            turns.append(turn_of(field, number, item))
    return turns


def _list_in(text: str) -> object:
    """The list a table's cell writes as JSON; the text itself where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _pair(place: str, item: Mapping[str, object]) -> list[Turn]:
    """A question and its answer in one object: `{"human": ..., "assistant": ...}`."""
    return [
        Turn("user", text_of(f"{place}.human", item["human"])),
        Turn("assistant", text_of(f"{place}.assistant", item["assistant"])),
    ]


def turn_of(field: str, number: int, item: object) -> Turn:
    """One turn as `{role, content}` or `{from, value}`; raises RowError."""
    if not isinstance(item, dict):
        raise _incomplete(f"{field}[{number}]", ("role", "content"))
    speaker, content = ("from", "value") if "from" in item else ("role", "content")
    said = item.get(speaker)
    role = PLAIN_ROLES.get(said) if isinstance(said, str) else None
    text = item.get(content)
    if role and len(item) == 2 and _is_plain(text):
        return Turn(role, text)
    return _full_turn(f"{field}[{number}]", item, (speaker, content))


def _full_turn(place: str, item: Mapping[str, object], keys: tuple[str, str]) -> Turn:
    """A turn with more than a plain text: calls, a weight, parts, an unusual role."""
    speaker, content = keys
    if item.get(speaker) is None:
        raise _incomplete(place, keys)
    said = str(item[speaker]).strip().lower()
    role = ROLES.get(said)
    if role is None:
        accepted = ", ".join(sorted(ROLES))
        message = f"{place} has the unknown {speaker} {shown(item[speaker])}"
        raise RowError("unknown_role", message, f"Accepted: {accepted}.")
    calls = _calls(place, item)
    value = item.get(content)
    if content not in item and not calls:
        raise _incomplete(place, keys)
    text = "" if value is None and calls else _text(f"{place}.{content}", value)
    if said in CALL_ROLES and not calls and (found := _calls_in(text)):
        calls, text = found, ""
    return Turn(
        role,
        text,
        calls,
        name=_word(item.get("name")),
        call_id=_word(item.get("tool_call_id")),
        weight=_weight(place, item.get("weight")),
    )


def _incomplete(place: str, keys: tuple[str, str]) -> RowError:
    message = f"{place} must have '{keys[0]}' and '{keys[1]}'"
    return RowError("conversation", message, "Write every turn as an object with both.")


def _text(place: str, value: object) -> str:
    """A text, or the texts of a list of parts, joined by blank lines."""
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        return text_of(place, value)
    other = next((part for part in value if part.get("type", "text") != "text"), None)
    if other is not None:
        message = f"{place} holds a part of type {shown(other.get('type'))}"
        raise RowError("not_text", message, "Only texts are learnt from; delete the row.")
    return "\n\n".join(text_of(f"{place}.text", part.get("text")) for part in value)


def _word(value: object) -> str:
    return value if isinstance(value, str) and value.isprintable() else ""


def _weight(place: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, (int, float)) and 0 <= value <= 1:
        return float(value)
    message = f"{place}.weight must be 0 or 1, got {shown(value)}"
    raise RowError("weight", message, "0 leaves the turn out of what is learnt, 1 keeps it.")


def _calls(place: str, item: Mapping[str, object]) -> tuple[ToolCall, ...]:
    """The calls of a turn: `tool_calls`, or the older single `function_call`."""
    listed = item.get("tool_calls")
    if listed is None and item.get("function_call") is not None:
        listed = [item["function_call"]]
    if listed is None or listed == []:
        return ()
    if not isinstance(listed, list):
        raise RowError("tool_calls", f"{place}.tool_calls must be a list", CALLS_HINT)
    return tuple(_call(place, entry) for entry in listed)


CALLS_HINT = 'A call is {"type": "function", "function": {"name": ..., "arguments": "..."}}.'


def _call(place: str, entry: object) -> ToolCall:
    inner = entry.get("function") or entry if isinstance(entry, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(entry, dict) or not isinstance(inner, dict) or not isinstance(name, str):
        raise RowError("tool_calls", f"{place} has a call without a name", CALLS_HINT)
    given = inner.get("arguments", inner.get("parameters"))
    arguments = given if isinstance(given, str) else json_text(without_none(given or {}))
    return ToolCall(
        name=text_of(f"{place}.name", name),
        arguments=text_of(f"{place}.arguments", arguments),
        id=_word(entry.get("id")),
    )


def _calls_in(text: str) -> tuple[ToolCall, ...]:
    """The calls a text spells out as JSON; none where it is not such a text."""
    try:
        value = json.loads(text)
        listed = value if isinstance(value, list) else [value]
        return tuple(_call("call", entry) for entry in listed)
    except (ValueError, RecursionError, RowError):
        return ()


def without_none(value: object) -> object:
    """A JSON value without the empty fields that a table pads its structures with."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    return [without_none(item) for item in value] if isinstance(value, list) else value


def json_text(value: object) -> str:
    """Compact JSON with letters as they are; numbers and dates of tables as their text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def said_by(turn: Turn) -> str:
    """What an assistant turn answers: its text, then its calls as JSON."""
    if not turn.calls:
        return turn.content
    calls = json_text([{"name": call.name, "arguments": _loaded(call)} for call in turn.calls])
    return f"{turn.content}\n\n{calls}" if turn.content.strip() else calls


def _loaded(call: ToolCall) -> object:
    try:
        return json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call.arguments


def conversation(turns: Sequence[Turn]) -> Turns:
    """The last assistant turn that is learnt from as target, the user turn before it as input.

    Calls and their results between the two are the steps. Raises RowError.
    """
    last = _last_learnt(turns)
    asked = last - 1
    while asked >= 0 and (turns[asked].role == "tool" or turns[asked].calls):
        asked -= 1
    if asked < 0 or turns[asked].role != "user":
        raise RowError("conversation", "no user turn before the last assistant turn", TURNS_HINT)
    return Turns(
        input=filled("user turn", turns[asked].content, code="empty_input"),
        target=filled("assistant turn", said_by(turns[last]), code="empty_target"),
        history=tuple(turn.message() for turn in turns[:asked]),
        steps=tuple(turn.message() for turn in turns[asked + 1 : last]),
    )


def _last_learnt(turns: Sequence[Turn]) -> int:
    for place in range(len(turns) - 1, -1, -1):
        if turns[place].role == "assistant" and turns[place].weight != 0:
            return place
    weighted = any(turn.role == "assistant" for turn in turns)
    if weighted:
        reason = "no assistant turn to learn from (each has weight 0)"
        raise RowError("one_sided_weights", reason, "Give the turns to learn from the weight 1.")
    raise RowError("conversation", "no assistant turn to learn from", TURNS_HINT)
