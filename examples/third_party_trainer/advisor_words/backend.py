"""The backend: opens what the trainer made, and answers by the words of the question."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from advisor.contracts import PluginInfo
from advisor.errors import ModelFolderError
from advisor.schema.evaluation import Completion, Prompt
from advisor_words.keeping import MODEL_FILE, read
from advisor_words.model import WordModel


class WordsBackend:
    """Opens a folder that the trainer `words` filled."""

    info = PluginInfo(id="words", label="Words for answers (example)")

    def open(self, model: str, settings: dict[str, str]) -> WordsSession:
        """A session over the kept weights. Raises ModelFolderError for another folder."""
        del settings
        file = Path(model) / MODEL_FILE
        told = read(file)
        if told is None or set(told) != {"answers", "weights", "leaning"}:
            raise ModelFolderError(
                f"'{model}' does not hold what the trainer words writes.",
                hint="Run `advisor train --trainer words` first, or open it by its own backend.",
                where=model,
            )
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        return WordsSession(WordModel(**told), digest)


class WordsSession:
    """Answers with the likeliest of the answers that were learnt."""

    def __init__(self, model: WordModel, digest: str) -> None:
        self._model = model
        self.model_digest = digest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order; words count as tokens."""
        return [self._answered(prompt, max_new_tokens) for prompt in prompts]

    def count_tokens(self, text: str) -> int:
        """Words, split at white space."""
        return len(text.split())

    def _answered(self, prompt: Prompt, most: int) -> Completion:
        started = time.perf_counter()
        asked = next((m.content for m in reversed(prompt.messages) if m.role == "user"), "")
        answer = self._model.answer(asked)
        count = self.count_tokens(answer)
        return Completion(
            text=answer if count <= most else " ".join(answer.split()[:most]),
            prompt_tokens=sum(self.count_tokens(m.content) for m in prompt.messages),
            completion_tokens=min(count, most),
            latency_ms=(time.perf_counter() - started) * 1000,
            finish="length" if count > most else "stop",
        )
