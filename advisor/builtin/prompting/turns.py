"""The turns that every prompt shares: system instruction, earlier turns, shots, the input."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from advisor.builtin.prompting.labels import labels_text, names_labels
from advisor.schema.chat import OPENING_ROLES, earlier, opening
from advisor.schema.evaluation import Message, Prompt, Sample

__all__ = ["Lead", "earlier", "opening", "own_turns", "prompt_of", "question", "short_digest"]


def question(text: str) -> Message:
    """A user turn."""
    return Message(role="user", content=text)


def short_digest(text: str) -> str:
    """Twelve hexadecimal digits that change with the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def own_turns(sample: Sample) -> tuple[Message, ...]:
    """The system turns that the row brings."""
    return tuple(turn for turn in sample.history if turn.role in OPENING_ROLES)


def solved(shot: Sample) -> tuple[Message, ...]:
    """A shot as turns: what was asked, and the reference answer."""
    return (
        *earlier(shot),
        question(shot.input),
        *shot.steps,
        Message(role="assistant", content=shot.target),
    )


@dataclass(frozen=True)
class Lead:
    """What stands in the system turn, and what becomes of a row's own one."""

    instruction: str = ""
    labels: tuple[str, ...] = ()
    """Listed after the instruction, unless the system turn names them already."""
    added: str = ""
    """Stands after everything else, also behind a row's own turn."""
    own: Literal["keep", "replace", "extend"] = "keep"
    """A row's own system turn stands instead of the instruction, gives way to it, or is followed by
    it."""

    def turns(self, sample: Sample) -> tuple[Message, ...]:
        """The system turns of a sample's prompt."""
        own = own_turns(sample)
        if self.own == "replace" or not own:
            plain = sample.model_copy(update={"history": earlier(sample)}) if own else sample
            return opening(plain, self._with_rest(self.instruction))
        said = own[-1].content
        if self.own == "extend" and self.instruction:
            said = f"{said}\n\n{self.instruction}"
        text = self._with_rest(said, "\n".join(turn.content for turn in own[:-1]))
        if text == own[-1].content:
            return opening(sample, self.instruction)
        last = own[-1].model_copy(update={"content": text})
        history = (*own[:-1], last, *earlier(sample))
        return opening(sample.model_copy(update={"history": history}), self.instruction)

    def _with_rest(self, text: str, before: str = "") -> str:
        is_told = not self.labels or names_labels(f"{before}\n{text}", self.labels)
        parts = (text, "" if is_told else labels_text(self.labels), self.added)
        return "\n\n".join(part for part in parts if part)


def prompt_of(sample: Sample, lead: Lead, shots: Sequence[Sample] = ()) -> Prompt:
    """System turn, shots as user and assistant turns, earlier turns, the input."""
    messages = (
        *lead.turns(sample),
        *(turn for shot in shots for turn in solved(shot)),
        *earlier(sample),
        question(sample.input),
        *sample.steps,
    )
    return Prompt(sample_id=sample.id, messages=messages, shots=tuple(shot.id for shot in shots))
