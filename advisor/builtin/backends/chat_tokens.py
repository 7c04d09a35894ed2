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
    return list(_said(messages, tokenizer, tokenize=True, return_dict=True)["input_ids"])


def text_of(messages: Sequence[Message], tokenizer: Any) -> str:
    """What is made into those tokens, special ones as they are spelt. Raises ConversationError."""
    return str(_said(messages, tokenizer, tokenize=False))


def _said(messages: Sequence[Message], tokenizer: Any, **form: bool) -> Any:
    """The first form of the conversation that the chat template takes."""
    refusals = []
    for turns in _forms(messages, tokenizer):
        try:
            return tokenizer.apply_chat_template(turns, add_generation_prompt=True, **form)
        except TemplateError as error:
            refusals.append(str(error).strip().splitlines() or [type(error).__name__])
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
