"""What a run trains on: its samples, behind shots where a rule asks for them, and their length."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from advisor import registry
from advisor.contracts import PromptBuilder
from advisor.rulebook.handover import SHOTS_KEY
from advisor.schema.decide import Decision
from advisor.schema.evaluation import Message, Sample, Split
from advisor.workspace import Workspace

TRAINING = "training"
"""Folder of the trainer's output inside the run folder."""
CHARACTERS_PER_TOKEN = 2.0
"""Assumed on the safe side: ordinary tokenizers take 3 to 5 characters of English per token."""
TOKENS_PER_TURN = 8
SEQUENCE_STEP = 64
DEV_SHARE = 5


def shots_rule(decision: Decision) -> str:
    """The rule that wants shots in every training prompt; empty where none does."""
    asked = (s for s in decision.settings if s.key == SHOTS_KEY and s.value)
    return next((setting.rule_id for setting in asked), "")


def training_samples(space: Workspace, decision: Decision) -> tuple[Sample, ...]:
    """The samples as they are trained on: behind the few-shot prompt's shots where a rule asks.

    Shots that make the longest sample longer than the model reads are left out; `has_shots` tells.
    An encoder is shown none.
    """
    samples = space.samples
    if space.tunes_encoder:
        return samples
    if not shots_rule(decision) or not any(sample.split == "train" for sample in samples):
        return samples
    behind = _behind_shots(space)
    return behind if _tokens(space, behind) <= longest_sequence(space) else samples


def marked_bad(space: Workspace) -> tuple[Sample, ...]:
    """Answers marked as bad, which are never measured, in the part of the split of their prompt.

    None whose prompt, group or document is tested on; of prompts that stand in no part, one in
    five goes to the dev part.
    """
    every = space.dataset.samples if space.dataset else ()
    parts = {_together(sample): sample.split for sample in space.samples}
    found = []
    for place, sample in enumerate(s for s in every if s.is_good is False):
        unknown: Split = "dev" if place % DEV_SHARE == DEV_SHARE - 1 else "train"
        part = sample.split or parts.get(_together(sample)) or unknown
        if part != "test":
            found.append(sample.model_copy(update={"split": part}))
    return tuple(found)


def _together(sample: Sample) -> str:
    return sample.group or sample.document or " ".join(sample.input.casefold().split())


def has_shots(space: Workspace, trained: Sequence[Sample]) -> bool:
    """Whether the samples are trained on behind shots."""
    return tuple(trained) != space.samples


def shots_note(rule: str, *, used: bool) -> str:
    """What became of a rule's wish for shots in training prompts, as a sentence."""
    if used:
        return f"Trained and verified behind the few-shot prompt's shots (rule {rule})."
    return (
        f"Rule {rule} wants shots in the training prompts; with them the longest sample is longer"
        " than the model reads, so it was trained without."
    )


def _behind_shots(space: Workspace) -> tuple[Sample, ...]:
    builder = fitted(space, "few_shot")
    return tuple(
        sample.model_copy(update={"history": _before_input(builder, sample), "tools": ()})
        for sample in space.samples
    )


def _before_input(builder: PromptBuilder, sample: Sample) -> tuple[Message, ...]:
    """What a builder puts before the input: its system turn tells the functions already."""
    messages = builder.build(sample).messages
    return messages[: len(messages) - 1 - len(sample.steps)]


def fitted(space: Workspace, name: str) -> PromptBuilder:
    """A builder that needs no documents, prepared on the run's samples."""
    builder = registry.prompt_builder(name)
    train = [s for s in space.samples if s.split == "train"]
    dev = [s for s in space.samples if s.split == "dev"]
    builder.fit(train, dev, (), space.tools())
    return builder


def sequence_length(space: Workspace, decision: Decision) -> int | None:
    """Tokens that surely hold the longest training row, from its characters; None without data."""
    if space.dataset is None:
        return None
    return min(_tokens(space, training_samples(space, decision)), longest_sequence(space))


def _tokens(space: Workspace, samples: Sequence[Sample]) -> int:
    """Tokens that hold the longest train sample's row, rounded up."""
    longest = max(
        (
            sum(
                len(turn.content)
                + sum(len(call.arguments) for call in turn.tool_calls)
                + TOKENS_PER_TURN
                for turn in (*sample.history, *sample.steps)
            )
            + sum(map(len, sample.tools))
            + len(sample.input)
            + len(sample.target)
            for sample in samples
            if sample.split == "train"
        ),
        default=0,
    )
    tokens = (longest + len(space.instruction)) / CHARACTERS_PER_TOKEN + 3 * TOKENS_PER_TURN
    return SEQUENCE_STEP * ceil(tokens / SEQUENCE_STEP)


def longest_sequence(space: Workspace) -> int:
    """Tokens that the model reads at most; 2048 where nobody knows."""
    known = space.tuned_card.max_sequence_length if space.tuned_card else None
    return known or 2048
