"""Answers prompts with a loaded transformers model; the heavy back of the backend."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple, Self

import torch

from advisor.builtin.backends._choosing import Chooser
from advisor.builtin.backends._likelihood import Likelihoods
from advisor.builtin.backends._own_loop import Batch
from advisor.builtin.backends._transformers_load import DTYPES, Loaded, end_tokens
from advisor.builtin.backends._transformers_open import load
from advisor.builtin.backends._ways import way_of
from advisor.builtin.backends.chat_tokens import ConversationError, text_of, tokens_of
from advisor.builtin.backends.length_batches import batches, order
from advisor.builtin.backends.model_digest import digest_of
from advisor.builtin.backends.quiet import quiet
from advisor.builtin.backends.usual_device import usual_dtype
from advisor.contracts import Method
from advisor.errors import BackendError, MissingExtraError
from advisor.schema.evaluation import Completion, Prompt, Sample

BATCH_SIZE = 16
BATCHES_IN_WINDOW = 16
"""So many batches are sorted by length together; more gain little and are handed out later."""


def open_session(
    reference: str, settings: dict[str, str], method: Callable[[str], Method] | None = None
) -> TransformersSession:
    """Load the model on the asked or best device.

    Raises BackendError for a device or precision not there, MissingExtraError for a JSON schema
    without llguidance.
    """
    device = settings.get("device", "cuda" if torch.cuda.is_available() else "cpu")
    if device not in _devices():
        raise BackendError(
            f"The device '{device}' is not there.",
            hint=f"Use one of: {', '.join(_devices())}.",
            where=reference,
        )
    dtype = settings.get("dtype", usual_dtype(device))
    if dtype not in DTYPES:
        raise BackendError(
            f"The precision '{dtype}' is not known.",
            hint=f"Use one of: {', '.join(DTYPES)}.",
            where=reference,
        )
    if settings.get("json_schema") and find_spec("llguidance") is None:
        raise MissingExtraError("Holding answers to a JSON schema", "train")
    if device == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(usable_cores())
    loaded = load(reference, device, dtype, method, settings.get("base", ""))
    return TransformersSession(loaded, device, settings)


def _devices() -> list[str]:
    """What can compute here."""
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    return [name for name, is_there in there.items() if is_there]


def usable_cores() -> int:
    """Cores this process may use; all of them where the system (macOS) cannot say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Row(NamedTuple):
    """A prompt ready to be continued."""

    at: int
    prompt: Prompt
    tokens: list[int]
    limit: int
    """New tokens at most."""


class TransformersSession:
    """An opened model: prompts are sorted by length, batched, and answered batch by batch."""

    def __init__(self, loaded: Loaded, device: str, settings: Mapping[str, str]) -> None:
        self._model: Any = loaded.model
        self._tokenizer: Any = loaded.tokenizer
        self._device = device
        self._digest = digest_of(loaded.folders, loaded.model.config)
        self._ends = end_tokens(loaded)
        limit = getattr(loaded.model.config, "max_position_embeddings", None)
        self._limit: int | None = int(limit) if limit else None
        self._batch_size = _batch_size(settings)
        self._seed = settings.get("seed", "")
        self._guides = self._schema_guides(settings.get("json_schema", ""))
        self._events: dict[str, int] = {}
        with quiet():
            pad = loaded.tokenizer.pad_token_id or 0
            self._way, self._bounds = way_of(loaded.model, device, self._ends, pad)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the memory back."""
        self._model = self._way = None
        gc.collect()
        if self._device == "cuda":
            torch.cuda.empty_cache()

    @property
    def model_digest(self) -> str:
        """Digest over configuration, tokenizer and weights, 16 hexadecimal digits."""
        return self._digest

    @property
    def window(self) -> int:
        """Prompts that are best given together."""
        return BATCHES_IN_WINDOW * self._batch_size

    @property
    def events(self) -> Mapping[str, int]:
        """Batches that did not fit into the device's memory and were halved."""
        return dict(self._events)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without the tokens a chat form adds."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def prompt_text(self, prompt: Prompt) -> str:
        """The prompt as the model reads it; what the template said instead, where it refuses it."""
        try:
            with quiet():
                return text_of(prompt.messages, self._tokenizer)
        except ConversationError as error:
            return str(error)

    @property
    def ends(self) -> frozenset[str]:
        """Texts of the tokens that end an answer: the model's own and the tokenizer's."""
        return frozenset(self._tokenizer.decode([end]) for end in self._ends)

    def losses(self, samples: Sequence[Sample]) -> list[float | None]:
        """Mean loss of each sample in nats per token; None without a token to predict."""
        with quiet():
            reader = Likelihoods(self._model, self._tokenizer, self._device, limit=self._limit)
            return reader.losses(samples)

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order.

        A prompt too long for the model comes back with finish `error`; one that leaves less room
        than `max_new_tokens` is answered as far as the room goes.
        """
        answers = dict(self._window(prompts, max_new_tokens))
        return [answers[at] for at in range(len(prompts))]

    def answers(
        self, prompts: Iterable[Prompt], *, max_new_tokens: int
    ) -> Iterator[tuple[Prompt, Completion]]:
        """Each prompt with its completion: window by window, in a window the longest first.

        What is left of a window, when asked again, falls into the batches it would have had.
        """
        waiting = iter(prompts)
        while taken := list(islice(waiting, self.window)):
            for at, completion in self._window(taken, max_new_tokens):
                yield taken[at], completion

    def _window(
        self, prompts: Sequence[Prompt], max_new_tokens: int
    ) -> Iterator[tuple[int, Completion]]:
        rows: list[Row] = []
        for at, prompt in enumerate(prompts):
            found = self._row(at, prompt, max_new_tokens)
            if isinstance(found, Row):
                rows.append(found)
            else:
                yield at, found
        with quiet():
            rows = [rows[at] for at in order([row.tokens for row in rows])]
            shared = self._way.share([row.tokens for row in rows])
        lengths = [len(row.tokens) for row in rows]
        for part in batches(lengths, self._bounds, extra=max_new_tokens):
            with quiet():
                answered = self._answer(rows[part], shared)
            yield from answered

    def _row(self, at: int, prompt: Prompt, max_new_tokens: int) -> Row | Completion:
        try:
            with quiet():
                tokens = tokens_of(prompt.messages, self._tokenizer)
        except ConversationError as error:
            return _refusal(0, str(error))
        room = max_new_tokens if self._limit is None else self._limit - len(tokens)
        if room <= 0:
            count = len(tokens)
            return _refusal(count, f"The prompt has {count} tokens, the model takes {self._limit}.")
        return Row(at, prompt, tokens, min(room, max_new_tokens))

    def _answer(self, rows: Sequence[Row], shared: int) -> list[tuple[int, Completion]]:
        began = time.perf_counter()
        choosers = [self._chooser(row.prompt) for row in rows]
        batch = Batch([r.tokens for r in rows], choosers, [r.limit for r in rows], shared)
        try:
            new = self._way.answer(batch)
        except torch.OutOfMemoryError:
            if len(rows) == 1:
                raise
            new = None  # outside of the handler the batch's memory is free again
        if new is None:
            self._events["batches_halved"] = self._events.get("batches_halved", 0) + 1
            half = len(rows) // 2
            return [*self._answer(rows[:half], shared), *self._answer(rows[half:], shared)]
        latency_ms = (time.perf_counter() - began) * 1000 / len(rows)
        answered = []
        for row, tokens, chooser in zip(rows, new, choosers, strict=True):
            completion = self._completion(row, tokens, latency_ms)
            if chooser.guide is not None and chooser.guide.error:
                error = f"The JSON schema could not be followed: {chooser.guide.error}"
                completion = completion.model_copy(update={"finish": "error", "error": error})
            answered.append((row.at, completion))
        return answered

    def _completion(self, row: Row, tokens: list[int], latency_ms: float) -> Completion:
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return Completion(
            text=text.strip(),
            prompt_tokens=len(row.tokens),
            completion_tokens=len(tokens),
            latency_ms=latency_ms,
            finish="stop" if tokens and tokens[-1] in self._ends else "length",
        )

    def _chooser(self, prompt: Prompt) -> Chooser:
        guide = None if self._guides is None else self._guides.guide()
        return Chooser(prompt, seed=self._seed, guide=guide)

    def _schema_guides(self, schema: str) -> Any:
        if not schema:
            return None
        from advisor.builtin.backends._constrained import (  # noqa: PLC0415 - only where asked
            SchemaGuides,
        )

        width = self._model.get_output_embeddings().weight.shape[0]
        return SchemaGuides(schema, self._tokenizer, width=width, ends=self._ends)


def _batch_size(settings: Mapping[str, str]) -> int:
    asked = settings.get("batch_size", str(BATCH_SIZE))
    if not asked.isdecimal() or int(asked) < 1:
        raise BackendError(
            f"The batch size '{asked}' is no number above 0.", hint=f"Use {BATCH_SIZE}."
        )
    return int(asked)


def _refusal(prompt_tokens: int, error: str) -> Completion:
    return Completion(
        text="",
        prompt_tokens=prompt_tokens,
        completion_tokens=0,
        latency_ms=0.0,
        finish="error",
        error=error,
    )
