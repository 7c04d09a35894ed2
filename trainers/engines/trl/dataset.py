"""Samples as conversations, in the very form in which the tuned model will be asked."""

from __future__ import annotations

from typing import Any

from advisor.schema.chat import earlier, opening, text_turn_of, turn_of
from advisor.schema.evaluation import Message, Sample

Turn = dict[str, Any]


def prompt_messages(sample: Sample, instruction: str) -> list[Message]:
    """System turn (the instruction), earlier turns, the sample's input, calls and their results.

    A sample that brings its own system turn keeps it; the instruction is then not repeated.
    """
    asked = Message(role="user", content=sample.input)
    return [*opening(sample, instruction), *earlier(sample), asked, *sample.steps]


def prompt_turns(sample: Sample, instruction: str) -> list[Turn]:
    """The same as a chat template takes them."""
    return [turn_of(message) for message in prompt_messages(sample, instruction)]


def plain_turns(sample: Sample, instruction: str) -> list[Turn]:
    """The same for a template that does not say calls and results: those as text."""
    return [text_turn_of(message) for message in prompt_messages(sample, instruction)]


def completion_turn(sample: Sample) -> Turn:
    """The reference answer as the assistant's turn."""
    return {"role": "assistant", "content": sample.target}
