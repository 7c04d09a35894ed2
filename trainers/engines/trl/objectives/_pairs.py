"""Answers to one prompt as tokens: pairs of a better and a worse one, single ones with marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample
from trainers.engines.trl._rows import fitting, place_of, tokens_of
from trainers.objectives.samples import MOST_SAME


class Pair(NamedTuple):
    """One prompt and two answers to it, each with its end token."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]

    @property
    def tokens(self) -> int:
        """Of the longer of both sequences."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))


class Marked(NamedTuple):
    """One prompt and an answer that is good or bad."""

    prompt: list[int]
    answer: list[int]
    is_good: bool

    @property
    def tokens(self) -> int:
        """Of the sequence."""
        return len(self.prompt) + len(self.answer)


class Pairs(NamedTuple):
    """Pairs to learn from, and what could not be used."""

    pairs: list[Pair]
    too_long: int = 0
    same: int = 0
    """Samples whose two answers are the same."""

    @property
    def left_out(self) -> int:
        """Samples that made no pair."""
        return self.too_long + self.same


def pairs_of(
    samples: Sequence[Sample], instruction: str, tokenizer: Any, sequence_length: int
) -> Pairs:
    """A pair per sample that fits and prefers something.

    Raises DatasetError for a sample without a rejected answer, when more than a tenth have two
    answers that are the same, and when more than a tenth exceeds the sequence length.
    """
    every = [pair_of(sample, instruction, tokenizer) for sample in samples]
    fit = fitting(samples, [pair.tokens for pair in every], sequence_length)
    told = [every[i] for i in fit if every[i].chosen != every[i].rejected]
    same = len(fit) - len(told)
    if same > MOST_SAME * len(fit):
        alike = next(i for i in fit if every[i].chosen == every[i].rejected)
        raise DatasetError(
            f"In {same} of {len(fit)} samples the chosen and the rejected answer are the same.",
            hint="Take these rows out: they prefer nothing.",
            where=place_of(samples[alike]),
        )
    return Pairs(told, len(every) - len(fit), same)


def pair_of(sample: Sample, instruction: str, tokenizer: Any) -> Pair:
    """A sample as a pair, whatever its length and whether or not it prefers something.

    Raises DatasetError for a sample without a rejected answer.
    """
    if sample.rejected is None:
        raise DatasetError(
            "A sample has one answer, and nothing can be preferred.",
            hint="Give rows with 'prompt', 'chosen' and 'rejected'.",
            where=place_of(sample),
        )
    prompt, chosen = tokens_of(sample, instruction, tokenizer)
    _, rejected = tokens_of(sample, instruction, tokenizer, sample.rejected)
    return Pair(prompt, chosen, rejected)


class Marks(NamedTuple):
    """Marked answers to learn from, and what could not be used."""

    marked: list[Marked]
    too_long: int = 0
    """Samples that exceed the sequence length."""


def marked_of(
    samples: Sequence[Sample], instruction: str, tokenizer: Any, sequence_length: int
) -> Marks:
    """The marked answers that fit; a pair gives a good one and a bad one.

    Raises DatasetError for a sample that says neither, and when more than a tenth of the samples
    exceeds the sequence length.
    """
    every = [marks_of(sample, instruction, tokenizer) for sample in samples]
    kept = fitting(samples, [max(one.tokens for one in row) for row in every], sequence_length)
    return Marks([one for i in kept for one in every[i]], len(samples) - len(kept))


def marks_of(sample: Sample, instruction: str, tokenizer: Any) -> list[Marked]:
    """A sample as one marked answer, or as the two of a pair, whatever their length.

    Raises DatasetError for a sample that says neither.
    """
    prompt, answer = tokens_of(sample, instruction, tokenizer)
    if sample.rejected is not None:
        _, rejected = tokens_of(sample, instruction, tokenizer, sample.rejected)
        return [Marked(prompt, answer, is_good=True), Marked(prompt, rejected, is_good=False)]
    if sample.is_good is None:
        raise DatasetError(
            "A sample's answer is not marked as good or bad.",
            hint="Give rows with 'prompt', 'completion' and 'label' (true or false).",
            where=place_of(sample),
        )
    return [Marked(prompt, answer, is_good=sample.is_good)]


def fits(samples: Sequence[Sample]) -> list[Sample]:
    """Dev samples that hold a pair; others say nothing here."""
    return [one for one in samples if one.rejected is not None and one.rejected != one.target]


def fits_marks(samples: Sequence[Sample]) -> list[Sample]:
    """Dev samples that hold a pair or a mark."""
    return [one for one in samples if one.rejected is not None or one.is_good is not None]
