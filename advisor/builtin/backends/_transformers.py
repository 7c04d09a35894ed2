"""Answers prompts with a loaded transformers model; the heavy back of the backend."""

from __future__ import annotations

import gc
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from jinja2 import TemplateError
from transformers import GenerationConfig

from advisor.builtin.backends._transformers_load import Loaded, load
from advisor.builtin.backends.quiet import quiet
from advisor.errors import BackendError
from advisor.schema.chat import folded
from advisor.schema.evaluation import Completion, Prompt

EDGE_BYTES = 4 << 20
DIGESTED = ("*.json", "*.jinja", "*.model", "*.safetensors", "*.bin")


def open_session(reference: str, settings: dict[str, str]) -> TransformersSession:
    """Load the model on the asked or best device. Raises BackendError for a device not there."""
    device = settings.get("device", "cuda" if torch.cuda.is_available() else "cpu")
    if device not in ("cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
        raise BackendError(
            f"The device '{device}' is not there.", hint="Use device cpu.", where=reference
        )
    if device == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(usable_cores())
    return TransformersSession(load(reference, device), device)


def usable_cores() -> int:
    """Cores this process may use; all of them where the system (macOS) cannot say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class TransformersSession:
    """An opened model: greedy answers, in order, the same for the same batches."""

    def __init__(self, loaded: Loaded, device: str) -> None:
        self._model: Any = loaded.model
        self._tokenizer: Any = loaded.tokenizer
        self._device = device
        self._digest = _digest(loaded.folders, loaded.model)
        self._ends = _end_tokens(loaded.model, loaded.tokenizer)
        limit = getattr(loaded.model.config, "max_position_embeddings", None)
        self._limit: int | None = int(limit) if limit else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the memory back."""
        self._model = None
        gc.collect()
        if self._device == "cuda":
            torch.cuda.empty_cache()

    @property
    def model_digest(self) -> str:
        """Digest over configuration, tokenizer and weights, 16 hexadecimal digits."""
        return self._digest

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without the tokens a chat form adds."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order; the prompts given together are one batch.

        A prompt too long for the model comes back with finish `error`; one that leaves less room
        than `max_new_tokens` is answered alone, as far as the room goes.
        """
        with quiet():
            rows = [self._encode(prompt) for prompt in prompts]
            answers: dict[int, Completion] = {}
            together = []
            for index, row in enumerate(rows):
                room = max_new_tokens if self._limit is None else self._limit - len(row)
                if room <= 0:
                    answers[index] = self._refusal(row)
                elif room < max_new_tokens:
                    answers[index] = self._answer([row], room)[0]
                else:
                    together.append(index)
            found = self._answer([rows[index] for index in together], max_new_tokens)
            answers.update(zip(together, found, strict=True))
        return [answers[index] for index in range(len(rows))]

    def _encode(self, prompt: Prompt) -> list[int]:
        turns = [{"role": m.role, "content": m.content} for m in prompt.messages]
        asked = {"add_generation_prompt": True, "tokenize": True, "return_dict": True}
        try:
            encoded = self._tokenizer.apply_chat_template(turns, **asked)
        except TemplateError:  # templates without a system role refuse it
            encoded = self._tokenizer.apply_chat_template(folded(turns), **asked)
        return list(encoded["input_ids"])

    def _refusal(self, row: list[int]) -> Completion:
        error = f"The prompt has {len(row)} tokens, the model takes {self._limit}."
        return Completion(
            text="",
            prompt_tokens=len(row),
            completion_tokens=0,
            latency_ms=0.0,
            finish="error",
            error=error,
        )

    def _answer(self, rows: list[list[int]], max_new_tokens: int) -> list[Completion]:
        if not rows:
            return []
        began = time.perf_counter()
        new = self._new_tokens(rows, max_new_tokens)
        latency_ms = (time.perf_counter() - began) * 1000 / len(rows)
        return [
            self._completion(row, tokens, latency_ms) for row, tokens in zip(rows, new, strict=True)
        ]

    def _new_tokens(self, rows: list[list[int]], max_new_tokens: int) -> list[list[int]]:
        """Greedy continuation of every row; rows are padded on the left and masked."""
        width = max(len(row) for row in rows)
        pad = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        settings = GenerationConfig(
            do_sample=False,
            num_beams=1,
            max_new_tokens=max_new_tokens,
            eos_token_id=self._ends or None,
            pad_token_id=pad,
        )
        with torch.inference_mode():
            out = self._model.generate(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                generation_config=settings,
            )
        continued: list[list[int]] = out[:, width:].tolist()
        return continued

    def _completion(self, row: list[int], tokens: list[int], latency_ms: float) -> Completion:
        end = next((i for i, token in enumerate(tokens) if token in self._ends), None)
        used = tokens if end is None else tokens[: end + 1]
        text = self._tokenizer.decode(used, skip_special_tokens=True)
        return Completion(
            text=text.strip(),
            prompt_tokens=len(row),
            completion_tokens=len(used),
            latency_ms=latency_ms,
            finish="length" if end is None else "stop",
        )


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Every token that ends an answer: the model's own and the tokenizer's."""
    own = getattr(model.generation_config, "eos_token_id", None)
    found = [] if own is None else [own] if isinstance(own, int) else list(own)
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in found:
        found.append(tokenizer.eos_token_id)
    return found


def _digest(folders: tuple[Path, ...], model: Any) -> str:
    """SHA-256 over names, sizes and both ends of every file; of a hub id, over its commit."""
    digest = hashlib.sha256()
    if not folders:
        commit = getattr(model.config, "_commit_hash", None)
        digest.update(f"{model.config._name_or_path}@{commit}".encode())  # noqa: SLF001
    for folder in folders:
        for path in sorted({p for pattern in DIGESTED for p in folder.glob(pattern)}):
            size = path.stat().st_size
            digest.update(f"{path.name}\0{size}\0".encode())
            with path.open("rb") as stream:
                digest.update(stream.read(EDGE_BYTES))
                if size > EDGE_BYTES:
                    stream.seek(max(EDGE_BYTES, size - EDGE_BYTES))
                    digest.update(stream.read())
    return digest.hexdigest()[:16]
