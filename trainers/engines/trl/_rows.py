"""Conversations as token rows whose loss counts on the answer alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from datasets import Dataset
from jinja2 import TemplateError

from advisor.errors import DatasetError
from advisor.schema.chat import folded, has_tools, says_tools
from advisor.schema.evaluation import Sample
from trainers.engines.trl.dataset import (
    Turn,
    completion_turn,
    plain_turns,
    prompt_messages,
    prompt_turns,
)

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
    unmarked: int = 0
    """Earlier turns to be learnt from that the chat template writes in no place of their own."""


class Written(NamedTuple):
    """A sample as tokens."""

    row: Row
    unmarked: int


def rows_of(
    samples: Sequence[Sample],
    instruction: str,
    tokenizer: Any,
    *,
    sequence_length: int,
    all_turns: bool = False,
) -> Rows:
    """Every sample that fits the sequence length, as input ids and labels.

    The answer is learnt from, and of earlier turns those that the data marks with the weight 1;
    with `all_turns` every turn of the assistant that it does not mark with 0. Raises DatasetError
    when none fits, more than a tenth do not, or a sample asks nothing or has an answer marked as
    bad.
    """
    _refuse_unanswerable(samples)
    every = [_written(sample, instruction, tokenizer, all_turns=all_turns) for sample in samples]
    lengths = [len(one.row["input_ids"]) for one in every]
    kept = fitting(samples, lengths, sequence_length)
    return Rows(
        Dataset.from_list([every[i].row for i in kept]),
        len(every) - len(kept),
        max(lengths),
        sum(every[i].unmarked for i in kept),
    )


def fitting(samples: Sequence[Sample], lengths: Sequence[int], sequence_length: int) -> list[int]:
    """Places of the samples whose tokens fit the sequence length.

    Raises DatasetError when more than a tenth do not.
    """
    kept = [i for i, length in enumerate(lengths) if length <= sequence_length]
    left_out, longest = len(lengths) - len(kept), max(lengths)
    if left_out > MOST_TOO_LONG * len(lengths):
        raise DatasetError(
            f"{left_out} of {len(lengths)} training samples exceed the plan's {sequence_length}"
            f" tokens (the longest has {longest}).",
            hint="Raise the plan's sequence_length (`advisor estimate --seq-len`), choose a model"
            " that reads further, or shorten these samples.",
            where=place_of(samples[lengths.index(longest)]),
        )
    return kept


def place_of(sample: Sample) -> str:
    """Where a sample stands, in words."""
    return f"line {sample.line}" if sample.line else f"sample {sample.id}"


def _refuse_unanswerable(samples: Sequence[Sample]) -> None:
    for sample in samples:
        place = place_of(sample)
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
    if not sample.input.strip():
        return len(text_tokens(sample.target, tokenizer))
    answers = {sample.target, sample.target if sample.rejected is None else sample.rejected}
    sides = (tokens_of(sample, instruction, tokenizer, answer) for answer in answers)
    return max(len(prompt) + len(answer) for prompt, answer in sides)


def dev_rows(
    samples: Sequence[Sample],
    instruction: str,
    tokenizer: Any,
    *,
    sequence_length: int,
    all_turns: bool = False,
) -> list[Row]:
    """Those of the samples that fit the sequence length, in the same form as training rows."""
    asked = (sample for sample in samples if sample.input.strip() and sample.is_good is not False)
    every = (_written(one, instruction, tokenizer, all_turns=all_turns).row for one in asked)
    return [row for row in every if len(row["input_ids"]) <= sequence_length]


def text_tokens(text: str, tokenizer: Any) -> list[int]:
    """A text as the tokenizer writes it, with the end token behind it."""
    ids = list(tokenizer(text)["input_ids"])
    end = tokenizer.eos_token_id
    return ids if end is None or ids[-1:] == [end] else [*ids, end]


def _written(sample: Sample, instruction: str, tokenizer: Any, *, all_turns: bool) -> Written:
    prompt, answer = tokens_of(sample, instruction, tokenizer)
    row = {"input_ids": prompt + answer, "labels": [IGNORED] * len(prompt) + answer}
    unmarked = 0
    for place in _learnt_before(sample, instruction, all_turns=all_turns):
        span = _span(_turns(sample, instruction, tokenizer), place, prompt, tokenizer)
        row["labels"][span] = prompt[span]
        unmarked += span.start == span.stop
    return Written(row, unmarked)


def _learnt_before(sample: Sample, instruction: str, *, all_turns: bool) -> list[int]:
    """Places of the turns before the answer that are learnt from, too."""
    return [
        place
        for place, message in enumerate(prompt_messages(sample, instruction))
        if message.role == "assistant"
        and (message.weight == 1 or (all_turns and message.weight is None))
    ]


def _span(turns: list[Turn], place: int, prompt: list[int], tokenizer: Any) -> slice:
    """Where an earlier turn's own tokens stand in the prompt; empty where that cannot be said.

    A template may write the beginning of a conversation otherwise once it goes on.
    """
    try:
        before = _chat(tokenizer, turns[:place], is_open=True)
        after = _chat(tokenizer, turns[: place + 1], is_open=False)
    except TemplateError:
        return slice(0, 0)
    is_there = prompt[: len(after)] == after and after[: len(before)] == before
    return slice(len(before), len(after)) if is_there else slice(0, 0)


def prompt_text(sample: Sample, instruction: str, tokenizer: Any) -> str:
    """The prompt as it is asked later, special tokens and all."""
    turns = _turns(sample, instruction, tokenizer)
    asked = {"add_generation_prompt": True, "tokenize": False}
    try:
        return str(tokenizer.apply_chat_template(turns, **asked))
    except TemplateError:  # templates without a system role refuse it
        return str(tokenizer.apply_chat_template(folded(turns), **asked))


def tokens_of(
    sample: Sample, instruction: str, tokenizer: Any, answer: str | None = None
) -> tuple[list[int], list[int]]:
    """Tokens of the prompt as it is asked later, and of the answer with its end token.

    The answer is the sample's target unless another is given. Some templates write a finished
    turn differently from an open one; the answer then follows the prompt as plain text, since
    that is what the model has to produce.
    """
    if answer is not None:
        sample = sample.model_copy(update={"target": answer})
    turns = _turns(sample, instruction, tokenizer)
    prompt = _chat(tokenizer, turns, is_open=True)
    whole = _chat(tokenizer, [*turns, completion_turn(sample)], is_open=False)
    if whole[: len(prompt)] == prompt and len(whole) > len(prompt):
        written = whole[len(prompt) :]
    else:
        written = list(tokenizer(sample.target, add_special_tokens=False)["input_ids"])
    end = tokenizer.eos_token_id
    if end is not None and end not in written:
        written = [*written, end]
    return prompt, written


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
