"""The turns that every prompt shares: system instruction, earlier turns, the sample's input."""

from __future__ import annotations

import hashlib

from advisor.schema.evaluation import Message, Sample


def opening(sample: Sample, instruction: str) -> tuple[Message, ...]:
    """The system turn: the row's own where it has one, else the task's instruction, else none."""
    own = [turn for turn in sample.history if turn.role == "system"]
    if own:
        return tuple(own)
    return (Message(role="system", content=instruction),) if instruction else ()


def earlier(sample: Sample) -> tuple[Message, ...]:
    """The conversation before the input, without system turns."""
    return tuple(turn for turn in sample.history if turn.role != "system")


def question(text: str) -> Message:
    """A user turn."""
    return Message(role="user", content=text)


def short_digest(text: str) -> str:
    """Twelve hexadecimal digits that change with the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
