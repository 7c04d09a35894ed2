"""Samples as conversations, in the very form in which the tuned model will be asked."""

from __future__ import annotations

from advisor.schema.evaluation import Sample

Turn = dict[str, str]


def prompt_turns(sample: Sample, instruction: str) -> list[Turn]:
    """System turn (the instruction), earlier turns, then the sample's input.

    A sample that brings its own system turn keeps it; the instruction is then not repeated.
    """
    turns = [{"role": m.role, "content": m.content} for m in sample.history]
    system = [turn for turn in turns if turn["role"] == "system"]
    if not system and instruction:
        system = [{"role": "system", "content": instruction}]
    earlier = [turn for turn in turns if turn["role"] != "system"]
    return [*system, *earlier, {"role": "user", "content": sample.input}]


def completion_turn(sample: Sample) -> Turn:
    """The reference answer as the assistant's turn."""
    return {"role": "assistant", "content": sample.target}
