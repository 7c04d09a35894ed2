"""The turns that every prompt shares: system instruction, earlier turns, the sample's input."""

from __future__ import annotations

import hashlib

from advisor.schema.chat import earlier, opening
from advisor.schema.evaluation import Message

__all__ = ["earlier", "opening", "question", "short_digest"]


def question(text: str) -> Message:
    """A user turn."""
    return Message(role="user", content=text)


def short_digest(text: str) -> str:
    """Twelve hexadecimal digits that change with the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
