"""Conversations as token rows whose loss counts on the answer alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from datasets import Dataset
from jinja2 import TemplateError

from advisor.errors import DatasetError
from advisor.schema.chat import folded
from advisor.schema.evaluation import Sample
from trainers.engines.trl.dataset import Turn, completion_turn, prompt_turns

IGNORED = -100


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

    Raises DatasetError when there is no sample, or none that fits.
    """
    rows: list[dict[str, list[int]]] = []
    longest = 0
    for sample in samples:
        prompt, answer = _tokens(sample, instruction, tokenizer)
        longest = max(longest, len(prompt) + len(answer))
        if len(prompt) + len(answer) <= sequence_length:
            rows.append({"input_ids": prompt + answer, "labels": [IGNORED] * len(prompt) + answer})
    if not rows:
        raise DatasetError(
            f"None of {len(samples)} training samples fits {sequence_length} tokens"
            f" (the longest has {longest}).",
            hint="Raise the plan's sequence length or shorten the samples.",
        )
    return Rows(Dataset.from_list(rows), len(samples) - len(rows), longest)


def _tokens(sample: Sample, instruction: str, tokenizer: Any) -> tuple[list[int], list[int]]:
    """Tokens of the prompt as it is asked later, and of the answer with its end token.

    Some templates write a finished turn differently from an open one; the answer then follows
    the prompt as plain text, since that is what the model has to produce.
    """
    turns = prompt_turns(sample, instruction)
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


def _chat(tokenizer: Any, turns: list[Turn], *, is_open: bool) -> list[int]:
    asked = {"add_generation_prompt": is_open, "tokenize": True, "return_dict": True}
    try:
        encoded = tokenizer.apply_chat_template(turns, **asked)
    except TemplateError:  # templates without a system role refuse it
        encoded = tokenizer.apply_chat_template(folded(turns), **asked)
    return list(encoded["input_ids"])
