"""Samples as conversations, in the very form in which the tuned model will be asked."""

from __future__ import annotations

from advisor.schema.evaluation import Sample

Turn = dict[str, str]


def prompt_turns(sample: Sample, instruction: str) -> list[Turn]:
    """System turn (the instruction), earlier turns, then the sample's input.

    A sample that brings its own system turn keeps it; the instruction is then not repeated.
    """
    history = [{"role": m.role, "content": m.content} for m in sample.history]
    has_system = bool(history) and history[0]["role"] == "system"
    system = [] if has_system or not instruction else [{"role": "system", "content": instruction}]
    return [*system, *history, {"role": "user", "content": sample.input}]


def completion_turn(sample: Sample) -> Turn:
    """The reference answer as the assistant's turn."""
    return {"role": "assistant", "content": sample.target}
