"""A conversation as a model reads it: its chat template, or the nearest form that it can say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from advisor.schema.chat import folded, has_tools, says_tools, text_turn_of, turn_of
from advisor.schema.evaluation import Message

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
    turns = [turn_of(message) for message in messages]
    if has_tools(messages) and not _says(turns, tokenizer):
        turns = [text_turn_of(message) for message in messages]
    return [turns, folded(turns)]


def _says(turns: list[Turn], tokenizer: Any) -> bool:
    try:
        written = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except TemplateError:
        return False
    return says_tools(turns, written)
