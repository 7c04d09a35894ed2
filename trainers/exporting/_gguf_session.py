"""Answers prompts with an opened GGUF file, one after the other."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from advisor.errors import BackendError
from advisor.schema.evaluation import Completion, Prompt
from trainers.engines.trl.quiet import quiet
from trainers.exporting.gguf_words import RefusedError, Words

USUAL_CONTEXT = 4096
EDGE_BYTES = 4 << 20


class Engine(Protocol):
    """An opened model."""

    context: int
    """Tokens of prompt and answer together."""
    words: Words

    def begin(self) -> None:
        """Forget what was read."""

    def scores(self, tokens: Sequence[int]) -> np.ndarray:
        """Scores over the vocabulary behind these tokens and all read before."""

    def close(self) -> None:
        """Give the memory back."""


def open_session(file: Path, engine: str, settings: Mapping[str, str]) -> GgufSession:
    """Raises ModelFolderError for a file that cannot be read, BackendError for a setting."""
    asked = settings.get("context", str(USUAL_CONTEXT))
    if not asked.isdecimal() or int(asked) < 1:
        raise BackendError(f"The context '{asked}' is no number above 0.", hint="Use 4096.")
    if engine == "llama_cpp":
        from trainers.exporting._gguf_llama import LlamaEngine  # noqa: PLC0415 - it may be missing

        return GgufSession(LlamaEngine(file, int(asked), settings), file, settings)
    from trainers.exporting._gguf_plain import PlainEngine  # noqa: PLC0415 - delays torch

    return GgufSession(PlainEngine(file, int(asked)), file, settings)


class GgufSession:
    """A session; what it reads and where it stops is what the file says."""

    def __init__(self, engine: Engine, file: Path, settings: Mapping[str, str]) -> None:
        self._engine = engine
        self._words = engine.words
        self._seed = settings.get("seed", "")
        self._digest = _digest(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the memory back."""
        self._engine.close()

    @property
    def model_digest(self) -> str:
        """Digest over size and both ends of the file, 16 hexadecimal digits."""
        return self._digest

    @property
    def ends(self) -> frozenset[str]:
        """Texts of the tokens that the file names as the end of an answer."""
        return frozenset(self._words.ends.values())

    def prompt_text(self, prompt: Prompt) -> str:
        """The prompt as the model reads it; what the template said instead, where it refuses it."""
        try:
            return self._words.read(self._words.said(prompt.messages))
        except RefusedError as error:
            return str(error)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without special ones."""
        return self._words.count(text)

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order; a prompt too long comes back with its error."""
        with quiet():
            return [self._answer(prompt, max_new_tokens) for prompt in prompts]

    def _answer(self, prompt: Prompt, most: int) -> Completion:
        began = time.perf_counter()
        try:
            tokens = self._words.tokens(self._words.said(prompt.messages))
        except RefusedError as error:
            return _refusal(0, str(error))
        room = self._engine.context - len(tokens)
        if room <= 0:
            error_text = (
                f"The prompt has {len(tokens)} tokens, the model is opened for"
                f" {self._engine.context}."
            )
            return _refusal(len(tokens), error_text)
        new = self._continued(tokens, min(room, most), prompt)
        return Completion(
            text=self._words.decode(new).strip(),
            prompt_tokens=len(tokens),
            completion_tokens=len(new),
            latency_ms=(time.perf_counter() - began) * 1000,
            finish="stop" if new and new[-1] in self._words.stops else "length",
        )

    def _continued(self, tokens: Sequence[int], limit: int, prompt: Prompt) -> list[int]:
        draws = random.Random(_seed(prompt, self._seed))  # noqa: S311 - no secret hangs on it
        self._engine.begin()
        scores = self._engine.scores(tokens)
        new: list[int] = []
        while True:
            new.append(_chosen(scores, prompt.temperature, draws))
            if len(new) == limit or new[-1] in self._words.stops:
                return new
            scores = self._engine.scores(new[-1:])


def _chosen(scores: np.ndarray, temperature: float, draws: random.Random) -> int:
    """The likeliest token, or one drawn by the inverse of the cumulative distribution."""
    if temperature <= 0:
        return int(scores.argmax())
    logits = scores.astype(np.float64) / temperature
    heap = np.exp(logits - logits.max()).cumsum()
    found = int(np.searchsorted(heap, draws.random() * heap[-1], side="right"))
    return min(found, len(heap) - 1)


def _seed(prompt: Prompt, seed: str) -> int:
    said = [f"{message.role}\0{message.content}" for message in prompt.messages]
    text = "\0\0".join([seed, str(prompt.draw), *said])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def _digest(file: Path) -> str:
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as stream:
        digest.update(stream.read(EDGE_BYTES))
        stream.seek(max(0, size - EDGE_BYTES))
        digest.update(stream.read())
    return digest.hexdigest()[:16]


def _refusal(prompt_tokens: int, error: str) -> Completion:
    return Completion(
        text="",
        prompt_tokens=prompt_tokens,
        completion_tokens=0,
        latency_ms=0.0,
        finish="error",
        error=error,
    )


def words_from(facts: Mapping[str, Any], **more: Any) -> Words:
    """What a file's own keys say of conversations, with the library's part of it."""
    return Words(template=str(facts.get("tokenizer.chat_template") or ""), **more)
