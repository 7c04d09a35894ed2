"""Readers of rows that hold one question and one answer, a conversation, or a plain text."""

from __future__ import annotations

from advisor.formats.turns import (
    Turn,
    Turns,
    conversation,
    plain_conversation,
    turn_of,
    turns_of,
)
from advisor.formats.values import Fields, Keys, RowError, filled, pick, shown, text_of
from advisor.schema.evaluation import Message

INSTRUCTION = "instruction"
CONTEXTS = ("input", "context")


def asked_text(fields: Fields, name: str, value: object) -> str:
    """The input; an instruction is joined with its optional input."""
    text = filled(name, value, code="empty_input")
    return with_context(fields, name, text) if name == INSTRUCTION else text


def with_context(fields: Fields, name: str, text: str) -> str:
    """A text and, behind a blank line, what the row's `input` or `context` adds to it."""
    for place in CONTEXTS:
        if place != name and (extra := fields.get(place)):
            more = text_of(place, extra)
            return text if more.isspace() else f"{text}\n\n{more}"
    return text


def answer_text(name: str, value: object, *, accepts_numbers: bool) -> tuple[str, bool]:
    """The target, and whether it had to be made a text from a number or true or false."""
    if accepts_numbers and isinstance(value, (bool, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value), True
    return filled(name, value, code="empty_target"), False


def plain_pair(fields: Fields, keys: Keys) -> Turns | None:
    """Two texts that need no second look; None for anything else."""
    name, asked = pick(fields, keys[0])
    answer = pick(fields, keys[1])[1]
    if type(asked) is not str or type(answer) is not str or name == INSTRUCTION:
        return None
    if not (asked.isascii() and answer.isascii() and asked and answer):
        return None
    if asked.isspace() or answer.isspace() or "history" in fields:
        return None
    return Turns(asked, answer)


def read_pair(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """An input field and a target field."""
    if plain := plain_pair(fields, keys):
        return plain
    name, asked = pick(fields, keys[0])
    target, is_number = answer_text(*pick(fields, keys[1]), accepts_numbers=accepts_numbers)
    text = asked_text(fields, name, asked)
    if "history" in fields or is_number:
        return Turns(text, target, history=earlier_pairs(fields), is_number=is_number)
    return Turns(text, target)


def read_alpaca(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """Instruction and optional input, joined by a blank line; earlier pairs in `history`."""
    name, asked = pick(fields, keys[0])
    text = filled(name, asked, code="empty_input")
    target, is_number = answer_text(*pick(fields, keys[1]), accepts_numbers=accepts_numbers)
    return Turns(
        input=with_context(fields, name, text),
        target=target,
        history=earlier_pairs(fields),
        is_number=is_number,
    )


def earlier_pairs(fields: Fields) -> tuple[Message, ...]:
    """Turns out of `history: [[question, answer], ...]`; raises RowError."""
    value = fields.get("history")
    if not value:
        return ()
    if not isinstance(value, list):
        raise RowError("not_a_list", "'history' must be a list of pairs", HISTORY_HINT)
    turns: list[Turn] = []
    for number, pair in enumerate(value, start=1):
        if not isinstance(pair, list) or len(pair) != 2:
            message = f"history[{number}] must be a pair, got {shown(pair)}"
            raise RowError("conversation", message, HISTORY_HINT)
        place = f"history[{number}]"
        turns += [Turn("user", text_of(place, pair[0])), Turn("assistant", text_of(place, pair[1]))]
    return tuple(turn.message() for turn in turns)


HISTORY_HINT = 'Write history as [["question", "answer"], ...].'


def read_text_label(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """A text and its label; labels of public data are often numbers, so those are texts too."""
    _ = accepts_numbers
    return read_pair(fields, keys, accepts_numbers=True)


def read_text(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """A plain text: nothing goes in, all of it is learnt."""
    _ = accepts_numbers
    return Turns("", filled(*pick(fields, keys[0]), code="empty_target"))


def read_chat(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """A list of turns."""
    _ = accepts_numbers
    name, value = pick(fields, keys[0])
    return plain_conversation(value) or conversation(turns_of(name, value))


def read_prompt_completion(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """Texts, or lists of messages on either side."""
    if plain := plain_pair(fields, keys):
        return plain
    asked_name, asked = pick(fields, keys[0])
    name, answered = pick(fields, keys[1])
    if not isinstance(asked, list) and not isinstance(answered, list):
        return read_pair(fields, keys, accepts_numbers=accepts_numbers)
    turns = asked_turns(fields, asked_name, asked)
    if not isinstance(answered, list):
        return conversation([*turns, Turn("assistant", text_of(name, answered))])
    if len(answered) != 1:
        message = f"'{name}' must hold one message, got {len(answered)}"
        raise RowError("conversation", message, f"Put earlier turns into '{asked_name}'.")
    return conversation([*turns, turn_of(name, 1, answered[0])])


def asked_turns(fields: Fields, name: str, value: object) -> list[Turn]:
    """The turns before an answer: a list of them, or one text of the user's."""
    if isinstance(value, list):
        return turns_of(name, value)
    return [Turn("user", asked_text(fields, name, value))]
