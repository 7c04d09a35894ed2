"""Conversations as token rows whose loss counts on the answer alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from datasets import Dataset
from jinja2 import TemplateError

from advisor.errors import DatasetError
from advisor.schema.chat import folded, has_tools, says_tools
from advisor.schema.evaluation import Sample
from trainers.engines.trl.dataset import Turn, completion_turn, plain_turns, prompt_turns

IGNORED = -100
MOST_TOO_LONG = 0.1
"""Share of the training samples that may be left out as too long before training refuses."""

Row = dict[str, list[int]]


class Rows(NamedTuple):
    """Token rows ready for training, and what could not be used."""

    dataset: Dataset
    too_long: int
    """Samples left out because they exceed the plan's sequence length."""
    longest: int
    """Tokens of the longest sample, used or not."""


def rows_of(
    samples: Sequence[Sample], instruction: str, tokenizer: Any, *, sequence_length: int
) -> Rows:
    """Every sample that fits the sequence length, as input ids and labels.

    Raises DatasetError when none fits, more than a tenth do not, or a sample asks nothing or has
    an answer marked as bad.
    """
    _refuse_unanswerable(samples)
    every = [_row(sample, instruction, tokenizer) for sample in samples]
    lengths = [len(row["input_ids"]) for row in every]
    rows = [row for row in every if len(row["input_ids"]) <= sequence_length]
    left_out, longest = len(every) - len(rows), max(lengths)
    if left_out > MOST_TOO_LONG * len(every):
        place = samples[lengths.index(longest)]
        raise DatasetError(
            f"{left_out} of {len(every)} training samples exceed the plan's {sequence_length}"
            f" tokens (the longest has {longest}).",
            hint="Raise the plan's sequence_length (`advisor estimate --seq-len`), choose a model"
            " that reads further, or shorten these samples.",
            where=f"line {place.line}" if place.line else f"sample {place.id}",
        )
    return Rows(Dataset.from_list(rows), left_out, longest)


def _refuse_unanswerable(samples: Sequence[Sample]) -> None:
    for sample in samples:
        place = f"line {sample.line}" if sample.line else f"sample {sample.id}"
        if not sample.input.strip():
            raise DatasetError(
                "A training sample is plain text and asks nothing.",
                hint="This trainer learns answers; give rows with an input and a target.",
                where=place,
            )
        if sample.is_good is False:
            raise DatasetError(
                "A training sample's answer is marked as bad.",
                hint="This trainer imitates every answer; take the bad ones out.",
                where=place,
            )


def row_lengths(samples: Sequence[Sample], instruction: str, tokenizer: Any) -> list[int]:
    """Tokens of every sample's training row; of two answers the longer counts."""
    return [_length(sample, instruction, tokenizer) for sample in samples]


def _length(sample: Sample, instruction: str, tokenizer: Any) -> int:
    answers = {sample.target, sample.target if sample.rejected is None else sample.rejected}
    sides = (sample.model_copy(update={"target": answer}) for answer in answers)
    return max(len(_row(side, instruction, tokenizer)["input_ids"]) for side in sides)


def dev_rows(
    samples: Sequence[Sample], instruction: str, tokenizer: Any, *, sequence_length: int
) -> list[Row]:
    """Those of the samples that fit the sequence length, in the same form as training rows."""
    every = (_row(sample, instruction, tokenizer) for sample in samples)
    return [row for row in every if len(row["input_ids"]) <= sequence_length]


def _row(sample: Sample, instruction: str, tokenizer: Any) -> Row:
    prompt, answer = _tokens(sample, instruction, tokenizer)
    return {"input_ids": prompt + answer, "labels": [IGNORED] * len(prompt) + answer}


def _tokens(sample: Sample, instruction: str, tokenizer: Any) -> tuple[list[int], list[int]]:
    """Tokens of the prompt as it is asked later, and of the answer with its end token.

    Some templates write a finished turn differently from an open one; the answer then follows
    the prompt as plain text, since that is what the model has to produce.
    """
    turns = _turns(sample, instruction, tokenizer)
    prompt = _chat(tokenizer, turns, is_open=True)
    whole = _chat(tokenizer, [*turns, completion_turn(sample)], is_open=False)
    if whole[: len(prompt)] == prompt and len(whole) > len(prompt):
        answer = whole[len(prompt) :]
    else:
        answer = list(tokenizer(sample.target, add_special_tokens=False)["input_ids"])
    end = tokenizer.eos_token_id
    if end is not None and end not in answer:
        answer = [*answer, end]
    return prompt, answer


def _turns(sample: Sample, instruction: str, tokenizer: Any) -> list[Turn]:
    """The turns before the answer; calls and results as text where the template drops them."""
    turns = prompt_turns(sample, instruction)
    if not has_tools((*sample.history, *sample.steps)):
        return turns
    try:
        written = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except TemplateError:
        return plain_turns(sample, instruction)
    return turns if says_tools(turns, written) else plain_turns(sample, instruction)


def _chat(tokenizer: Any, turns: list[Turn], *, is_open: bool) -> list[int]:
    asked = {"add_generation_prompt": is_open, "tokenize": True, "return_dict": True}
    try:
        encoded = tokenizer.apply_chat_template(turns, **asked)
    except TemplateError:  # templates without a system role refuse it
        encoded = tokenizer.apply_chat_template(folded(turns), **asked)
    return list(encoded["input_ids"])
