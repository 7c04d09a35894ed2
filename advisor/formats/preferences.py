"""Readers of rows that say which answer is better, or whether one answer is good."""

from __future__ import annotations

import re
from collections.abc import Sequence

from advisor.formats.pairs import asked_text, asked_turns, earlier_pairs, read_prompt_completion
from advisor.formats.turns import Turn, Turns, conversation, said_by, turn_of, turns_of
from advisor.formats.values import Fields, Keys, RowError, filled, pick, shown

SPOKEN = re.compile(r"\n\n(Human|Assistant):")
"""Speakers in a conversation written as one text, as the HH-RLHF data has it."""
MARKS_AS_TEXT = {"true": True, "false": False, "1": True, "0": False}


def is_mark(value: object) -> bool:
    """Whether a value says good or bad beyond doubt: true or false, also as a text."""
    return isinstance(value, bool) or (
        isinstance(value, str) and value.strip().lower() in ("true", "false")
    )


def is_bit(value: object) -> bool:
    """The same for 1 and 0: beside a question and its answer they can mean nothing else."""
    return is_mark(value) or (
        isinstance(value, (int, str)) and str(value).strip().lower() in MARKS_AS_TEXT
    )


def _mark(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    mark = MARKS_AS_TEXT.get(str(value).strip().lower())
    if mark is None:
        message = f"'{name}' must be true or false, got {shown(value)}"
        raise RowError("not_a_mark", message, "Mark a good answer with true, a bad one with false.")
    return mark


def read_unpaired(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """A question, an answer, and whether the answer is good."""
    mark = _mark(*pick(fields, keys[2]))
    read = read_prompt_completion(fields, keys[:2], accepts_numbers=accepts_numbers)
    return read._replace(is_good=mark)


def read_marked_chat(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """A conversation, and whether its last answer is good."""
    _ = accepts_numbers
    mark = _mark(*pick(fields, keys[1]))
    return conversation(turns_of(*pick(fields, keys[0])))._replace(is_good=mark)


def read_rejected_turn(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """A conversation that ends with the better answer, and a worse one beside it."""
    _ = accepts_numbers
    turns = conversation(turns_of(*pick(fields, keys[0])))
    return turns._replace(rejected=_text(_answer(*pick(fields, keys[1]))))


def read_preference(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """A prompt with a better and a worse answer; the better one is the target.

    The prompt is a text, a list of turns, or OpenAI's object around such a list. Each answer is a
    text, a turn, or a list of turns that ends with it.
    """
    _ = accepts_numbers
    name, asked = pick(fields, keys[0])
    tools: object = None
    if isinstance(asked, dict):
        tools, asked = asked.get("tools"), asked.get("messages")
        if not isinstance(asked, list):
            raise RowError("conversation", f"'{name}' has no list 'messages'", PAIR_HINT)
    better, worse = pick(fields, keys[1]), pick(fields, keys[2])
    good, bad = _answer(*better), _answer(*worse)
    if not isinstance(asked, list) and not isinstance(better[1], list):
        text = asked_text(fields, name, asked)
        return Turns(text, _text(good), history=earlier_pairs(fields), rejected=_text(bad))
    turns = asked_turns(fields, name, asked)
    return conversation([*turns, good])._replace(rejected=_text(bad), tools=tools)


def _answer(name: str, value: object) -> Turn:
    """The answer itself, where the whole conversation may be repeated before it."""
    if isinstance(value, dict):
        turn = turn_of(name, 1, value)
    elif isinstance(value, list):
        if not value:
            raise RowError("empty_target", f"'{name}' is empty", PAIR_HINT)
        turn = turn_of(name, len(value), value[-1])
    else:
        return Turn("assistant", filled(name, value, code="empty_target"))
    if turn.role != "assistant":
        message = f"'{name}' must end with an assistant turn, not {turn.role}"
        raise RowError("conversation", message, PAIR_HINT)
    return turn


def _text(answer: Turn) -> str:
    return filled("answer", said_by(answer), code="empty_target")


PAIR_HINT = "Give a prompt, and as chosen and rejected a text or one assistant turn each."


def read_implicit_preference(fields: Fields, keys: Keys, *, accepts_numbers: bool) -> Turns:
    """Two whole conversations that differ in their last answer."""
    _ = accepts_numbers
    chosen, rejected = (_whole(*pick(fields, group)) for group in keys)
    if not rejected or rejected[-1].role != "assistant":
        raise RowError("conversation", "the worse conversation ends without an answer", PAIR_HINT)
    return conversation(chosen)._replace(rejected=_text(rejected[-1]))


def _whole(name: str, value: object) -> Sequence[Turn]:
    if isinstance(value, list):
        return turns_of(name, value)
    pieces = SPOKEN.split(filled(name, value, code="empty_target"))
    if len(pieces) < 3:
        raise RowError("conversation", f"'{name}' has no prompt before the answer", PAIR_HINT)
    return [
        Turn("user" if speaker == "Human" else "assistant", text.strip())
        for speaker, text in zip(pieces[1::2], pieces[2::2], strict=True)
    ]
