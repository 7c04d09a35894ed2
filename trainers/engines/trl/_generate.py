"""Answers by the model in training, as its saved self will give them; training does not notice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jinja2 import TemplateError
from transformers import GenerationConfig

from advisor.schema.chat import folded, has_tools, says_tools, text_turn_of, turn_of
from advisor.schema.evaluation import Completion, Message, Prompt

ROWS = {"cpu": 16, "cuda": 64}
"""Prompts answered together at most; fewer where memory does not suffice."""


@contextmanager
def undisturbed(model: Any) -> Iterator[None]:
    """Dropout off and no gradient for the time of the block; random states are as before after it.

    Training goes on as if nobody had looked.
    """
    was_training = model.training
    states = (random.getstate(), np.random.get_state(), torch.random.get_rng_state())  # noqa: NPY002 - others draw from it
    on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.random.set_rng_state(states[2])
        if on_gpu:
            torch.cuda.set_rng_state_all(on_gpu)


def generator(
    model: Any, tokenizer: Any, *, rows: int | None = None
) -> Callable[[Sequence[Prompt], int], list[Completion]]:
    """A function from prompts and the most new tokens to the likeliest answers, in order.

    At most `rows` prompts are answered together; None: as many as usual on such a device.
    """

    def generate(prompts: Sequence[Prompt], most: int) -> list[Completion]:
        with undisturbed(model):
            return _Answering(model, tokenizer, most, rows).answers(prompts)

    return generate


class _Answering:
    """One round of answers: the longest prompts first, padded on the left."""

    def __init__(self, model: Any, tokenizer: Any, most: int, rows: int | None) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._most = most
        self._device = next(model.parameters()).device
        self._rows = rows or ROWS.get(self._device.type, ROWS["cpu"])
        self._ends = _end_tokens(model, tokenizer)
        limit = getattr(model.config, "max_position_embeddings", None)
        self._limit = int(limit) if limit else None

    def answers(self, prompts: Sequence[Prompt]) -> list[Completion]:
        """One completion per prompt; one that leaves no room has finish `error`."""
        rows = [prompt_tokens(prompt.messages, self._tokenizer) for prompt in prompts]
        found: dict[int, Completion] = {
            at: _no_room(len(row)) for at, row in enumerate(rows) if self._room(row) <= 0
        }
        order = sorted(
            (at for at in range(len(rows)) if at not in found), key=lambda a: -len(rows[a])
        )
        size = self._rows
        while order:
            part = order[:size]
            try:
                texts = self._batch([rows[at] for at in part])
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size = max(1, size // 2)
                continue
            found |= dict(zip(part, texts, strict=True))
            order = order[len(part) :]
        return [found[at] for at in range(len(rows))]

    def _room(self, row: Sequence[int]) -> int:
        return self._most if self._limit is None else min(self._most, self._limit - len(row))

    def _batch(self, rows: Sequence[Sequence[int]]) -> list[Completion]:
        began = time.perf_counter()
        width = max(map(len, rows))
        pad = self._tokenizer.pad_token_id or 0
        ids = [[pad] * (width - len(row)) + list(row) for row in rows]
        mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
        settings = GenerationConfig(
            do_sample=False,
            num_beams=1,
            repetition_penalty=1.0,
            use_cache=True,
            max_new_tokens=max(map(self._room, rows)),
            eos_token_id=self._ends or None,
            pad_token_id=pad,
        )
        out = self._model.generate(
            input_ids=torch.tensor(ids, device=self._device),
            attention_mask=torch.tensor(mask, device=self._device),
            generation_config=settings,
        )
        each = (time.perf_counter() - began) * 1000 / len(rows)
        new = out[:, width:].tolist()
        return [self._completion(row, got, each) for row, got in zip(rows, new, strict=True)]

    def _completion(self, row: Sequence[int], new: list[int], latency_ms: float) -> Completion:
        end = next((at for at, token in enumerate(new) if token in self._ends), len(new))
        tokens = new[: min(end + 1, self._room(row))]
        return Completion(
            text=self._tokenizer.decode(tokens, skip_special_tokens=True).strip(),
            prompt_tokens=len(row),
            completion_tokens=len(tokens),
            latency_ms=latency_ms,
            finish="stop" if tokens and tokens[-1] in self._ends else "length",
        )


def _no_room(tokens: int) -> Completion:
    return Completion(
        text="",
        prompt_tokens=tokens,
        completion_tokens=0,
        latency_ms=0.0,
        finish="error",
        error=f"The prompt has {tokens} tokens, more than the model takes.",
    )


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Every token that ends an answer: the model's own and the tokenizer's."""
    own = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    found = [] if own is None else [own] if isinstance(own, int) else list(own)
    last = tokenizer.eos_token_id
    return found if last is None or last in found else [*found, last]


def prompt_tokens(messages: Sequence[Message], tokenizer: Any) -> list[int]:
    """Token ids up to where the answer begins, in the form that the model will be asked in."""
    turns = [turn_of(message) for message in messages]
    if has_tools(messages) and not _says_tools(turns, tokenizer):
        turns = [text_turn_of(message) for message in messages]
    asked = {"add_generation_prompt": True, "tokenize": True, "return_dict": True}
    try:
        encoded = tokenizer.apply_chat_template(turns, **asked)
    except TemplateError:  # templates without a system role refuse it
        encoded = tokenizer.apply_chat_template(folded(turns), **asked)
    return list(encoded["input_ids"])


def _says_tools(turns: list[dict[str, Any]], tokenizer: Any) -> bool:
    try:
        written = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except TemplateError:
        return False
    return says_tools(turns, written)
