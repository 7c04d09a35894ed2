"""The row shapes that are understood: a table from field names to the reader of such a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from advisor.schema.evaluation import Message

Fields = Mapping[str, object]
Role = Literal["system", "user", "assistant"]
COMMON = ("id", "split", "system")
TURNS_HINT = "Give a list of turns that ends with a user turn and then an assistant turn."
SHAREGPT_ROLES: dict[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
}
CHAT_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}


class RowError(Exception):
    """Why one row cannot be used; becomes a `Fault` once the line is known."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Turns:
    """What a row says: earlier turns, the input, the target, and perhaps a worse answer."""

    history: tuple[Message, ...]
    input: str
    target: str
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """One accepted row shape."""

    name: str
    keys: tuple[tuple[str, ...], ...]
    """Needed fields; alternatives stand in one tuple."""
    read: Callable[[Fields, Shape], Turns]
    optional: tuple[str, ...] = ()

    def fits(self, fields: Fields) -> bool:
        """Whether the row has every needed field."""
        return not self.missing(fields)

    def missing(self, fields: Fields) -> tuple[str, ...]:
        """Needed fields the row lacks, alternatives joined by a bar."""
        return tuple("|".join(group) for group in self.keys if not set(group) & set(fields))

    def known(self) -> frozenset[str]:
        """Every field name this shape looks at."""
        return frozenset((*COMMON, *self.optional, *(key for group in self.keys for key in group)))

    def text(self) -> str:
        """The shape as a reader sees it: {input, output|target|answer}."""
        return "{" + ", ".join("|".join(group) for group in self.keys) + "}"


def pick(fields: Fields, names: Sequence[str]) -> tuple[str, object]:
    """Name and value of the first of these fields that the row has."""
    name = next(name for name in names if name in fields)
    return name, fields[name]


def shown(value: object) -> str:
    """A value out of the data as a message may hold it: quoted, escaped, cut to 40 characters."""
    text = repr(value[:50] if isinstance(value, str) else value)
    return text if len(text) <= 40 else text[:37] + "..."


def text_of(name: str, value: object) -> str:
    """The value when it is a text that can be written as UTF-8; raises RowError."""
    if not isinstance(value, str):
        hint = "Write numbers, labels and nested values as text in quotes."
        raise RowError("not_text", f"'{name}' must be text, got {shown(value)}", hint)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise RowError("not_utf8", f"'{name}' holds half of a surrogate pair") from None
    return value


def filled(name: str, value: object, *, code: str) -> str:
    """The text when it is more than white space; raises RowError."""
    text = text_of(name, value)
    if not text.strip():
        raise RowError(code, f"'{name}' is empty", "Fill it in or delete the row.")
    return text


def system_turn(fields: Fields) -> tuple[Message, ...]:
    """The row's own system turn, where it has one."""
    value = fields.get("system")
    if value is None or value == "":
        return ()
    return (Message(role="system", content=text_of("system", value)),)


def _pair(fields: Fields, shape: Shape) -> Turns:
    """An input field and a target field."""
    asked, answered = (pick(fields, group) for group in shape.keys)
    return Turns(
        history=system_turn(fields),
        input=filled(*asked, code="empty_input"),
        target=filled(*answered, code="empty_target"),
    )


def _prompt_completion(fields: Fields, shape: Shape) -> Turns:
    """Texts, or lists of messages on either side."""
    prompt, completion = fields["prompt"], fields["completion"]
    if not isinstance(prompt, list) and not isinstance(completion, list):
        return _pair(fields, shape)
    asked = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    answered = (
        completion
        if isinstance(completion, list)
        else [{"role": "assistant", "content": completion}]
    )
    if len(answered) != 1:
        message = f"'completion' must hold one message, got {len(answered)}"
        raise RowError("conversation", message, "Put earlier turns into 'prompt'.")
    return _conversation(fields, _messages("prompt", [*asked, *answered], ("role", "content")))


def _preference(fields: Fields, _shape: Shape) -> Turns:
    """A prompt with a better and a worse answer; the better one is the target.

    Each answer is a text, or a list of messages that ends with it.
    """
    sides = [
        _prompt_completion({**fields, "completion": _last_turn(fields, name)}, PROMPT_COMPLETION)
        for name in ("chosen", "rejected")
    ]
    return replace(sides[0], rejected=sides[1].target)


def _last_turn(fields: Fields, name: str) -> object:
    """The answer itself, where the whole conversation is repeated before it."""
    value = fields[name]
    if isinstance(value, list):
        return value[-1:]
    return filled(name, value, code="empty_target")


def _alpaca(fields: Fields, _shape: Shape) -> Turns:
    """Instruction and optional input, joined by a blank line."""
    instruction = filled("instruction", fields["instruction"], code="empty_input")
    extra = text_of("input", fields.get("input") or "")
    return Turns(
        history=system_turn(fields),
        input=f"{instruction}\n\n{extra}" if extra.strip() else instruction,
        target=filled("output", fields["output"], code="empty_target"),
    )


def _chat(fields: Fields, _shape: Shape) -> Turns:
    return _conversation(
        fields, _messages("messages", fields["messages"], ("role", "content"), CHAT_ROLES)
    )


def _sharegpt(fields: Fields, _shape: Shape) -> Turns:
    turns = _messages("conversations", fields["conversations"], ("from", "value"), SHAREGPT_ROLES)
    return _conversation(fields, turns)


def _messages(
    field: str, value: object, keys: tuple[str, str], roles: Mapping[str, Role] = CHAT_ROLES
) -> list[Message]:
    """The turns in a list of objects with a speaker and a text."""
    if not isinstance(value, list):
        raise RowError("not_a_list", f"'{field}' must be a list of messages", TURNS_HINT)
    speaker, content = keys
    turns = []
    for number, item in enumerate(value, start=1):
        place = f"{field}[{number}]"
        if not isinstance(item, dict) or not {speaker, content} <= item.keys():
            message = f"{place} must have '{speaker}' and '{content}'"
            raise RowError("conversation", message, "Write every turn as an object with both.")
        role = roles.get(str(item[speaker]).lower())
        if role is None:
            accepted = ", ".join(sorted(roles))
            message = f"{place} has the unknown {speaker} {shown(item[speaker])}"
            raise RowError("conversation", message, f"Accepted: {accepted}.")
        turns.append(Message(role=role, content=text_of(f"{place}.{content}", item[content])))
    return turns


def _conversation(fields: Fields, turns: list[Message]) -> Turns:
    """The last assistant turn as target, the user turn before it as input."""
    last = max((n for n, turn in enumerate(turns) if turn.role == "assistant"), default=-1)
    if last < 0:
        raise RowError("conversation", "no assistant turn to learn from", TURNS_HINT)
    if last == 0 or turns[last - 1].role != "user":
        raise RowError("conversation", "no user turn before the last assistant turn", TURNS_HINT)
    return Turns(
        history=(*system_turn(fields), *turns[: last - 1]),
        input=filled("user turn", turns[last - 1].content, code="empty_input"),
        target=filled("assistant turn", turns[last].content, code="empty_target"),
    )


PROMPT_COMPLETION = Shape("prompt_completion", (("prompt",), ("completion",)), _prompt_completion)
SHAPES: tuple[Shape, ...] = (
    Shape("messages", (("messages",),), _chat),
    Shape("sharegpt", (("conversations",),), _sharegpt),
    PROMPT_COMPLETION,
    Shape("preference", (("prompt",), ("chosen",), ("rejected",)), _preference),
    Shape("alpaca", (("instruction",), ("output",)), _alpaca, optional=("input",)),
    Shape("question_answer", (("question",), ("answer",)), _pair),
    Shape("input_output", (("input",), ("output", "target", "answer")), _pair),
    Shape("text_label", (("text",), ("label", "category")), _pair),
)
