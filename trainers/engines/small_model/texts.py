"""What the encoder reads of a sample or a prompt: the same text for both."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.schema.chat import OPENING_ROLES
from advisor.schema.evaluation import Message, Prompt, Sample


def sample_text(sample: Sample) -> str:
    """The input, or the whole conversation where there are other turns; no system turn."""
    asked = Message(role="user", content=sample.input)
    return _joined((*sample.history, asked, *sample.steps))


def prompt_text(prompt: Prompt) -> str:
    """The same text, read back from a prompt that was built from the sample without shots."""
    return _joined(prompt.messages)


def is_conversation(samples: Sequence[Sample]) -> bool:
    """Whether any sample has turns beside its input, so that the latest must not be cut off."""
    return any(
        sample.steps or any(turn.role not in OPENING_ROLES for turn in sample.history)
        for sample in samples
    )


def _joined(messages: Sequence[Message]) -> str:
    turns = [turn for turn in messages if turn.role not in OPENING_ROLES]
    if len(turns) == 1:
        return turns[0].content
    return "\n".join(f"{turn.role}: {_said(turn)}" for turn in turns)


def _said(turn: Message) -> str:
    calls = (f"{call.name} {call.arguments}" for call in turn.tool_calls)
    return " ".join(part for part in (turn.content, *calls) if part)
