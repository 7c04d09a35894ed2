"""The form in which every family hands over a sample: a list of turns."""

from __future__ import annotations

from examples.pretrain_tiny import wording
from examples.pretrain_tiny.values import Draw

UNKNOWN = "I do not know."

# A turn is (role, text). Roles: system, user, assistant (trained on) and shot: an assistant turn
# that is shown but not trained on.
Turn = tuple[str, str]
Conversation = list[Turn]


def maybe_system(draw: Draw, probability: float = 0.6) -> Conversation:
    """Open a question-answering conversation, often with a system instruction."""
    return (
        [("system", draw.choice(wording.ANSWER_INSTRUCTIONS))] if draw.chance(probability) else []
    )
