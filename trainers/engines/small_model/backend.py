"""Opens what the trainer `small_model` made: every prompt is answered with a label."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from advisor.contracts import PluginInfo
from advisor.errors import MissingExtraError, ModelFolderError
from advisor.schema.evaluation import Completion, Prompt
from trainers.engines.small_model.choices import FACTS_FILE, HEAD_FILE
from trainers.engines.small_model.texts import prompt_text
from trainers.engines.trl.quiet import quiet

if TYPE_CHECKING:  # torch stays where the classifier is opened
    from trainers.engines.small_model._encoder import Classifier

WEIGHED = (".json", ".safetensors", ".txt", ".model")
"""Endings of the files that decide an answer."""


class SmallModelSession:
    """An opened classifier.

    An answer is a whole label whatever `max_new_tokens` says, since none of it is generated.
    """

    def __init__(self, classifier: Classifier, folder: Path) -> None:
        self._classifier = classifier
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held but memory."""

    @cached_property
    def model_digest(self) -> str:
        """Digest over the classifier's files."""
        total = hashlib.sha256()
        for path in sorted(p for p in self._folder.rglob("*") if p.suffix in WEIGHED):
            total.update(path.relative_to(self._folder).as_posix().encode())
            with path.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
        return total.hexdigest()[:16]

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can answer."""
        return self._classifier.labels

    def probabilities(self, prompts: Sequence[Prompt]) -> list[list[float]]:
        """For each prompt one number per label, in the order of `labels`, that sum to 1.

        They are the head's, not calibrated: high where texts like this were alike in training.
        """
        if not prompts:
            return []
        found = self._classifier.embed([prompt_text(prompt) for prompt in prompts])
        logits = self._classifier.logits(found.to(self._classifier.weight.device))
        table: list[list[float]] = logits.double().softmax(dim=1).tolist()
        return table

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """The likeliest label of each prompt, in order; the system turn is not read."""
        del max_new_tokens
        began = time.perf_counter()
        rows = self.probabilities(prompts)
        spent = 1000 * (time.perf_counter() - began) / max(len(prompts), 1)
        return [
            Completion(
                text=self.labels[max(range(len(row)), key=row.__getitem__)],
                prompt_tokens=self.count_tokens(prompt_text(prompt)) + 2,
                completion_tokens=0,
                latency_ms=spent,
                usd=0.0,
            )
            for prompt, row in zip(prompts, rows, strict=True)
        ]

    def count_tokens(self, text: str) -> int:
        """Tokens by the encoder's tokenizer, without the two around a text."""
        return self._classifier.tokens(text)


class SmallModelBackend:
    """Opens what the trainer `small_model` wrote."""

    info = PluginInfo(
        id="small_model", label="a tuned encoder that answers with labels", extra="rag"
    )

    def open(self, model: str, settings: dict[str, str]) -> SmallModelSession:
        """The classifier of a folder; raises ModelFolderError, MissingExtraError."""
        del settings
        folder = Path(model).expanduser()
        if not ((folder / FACTS_FILE).is_file() and (folder / HEAD_FILE).is_file()):
            raise ModelFolderError(
                f"'{model}' does not hold what the trainer small_model writes.",
                hint="Run `advisor train --trainer small_model` first.",
                where=model,
            )
        if any(find_spec(name) is None for name in ("sentence_transformers", "sklearn", "peft")):
            raise MissingExtraError("Opening a tuned encoder", "rag")
        with quiet():
            from trainers.engines.small_model._encoder import (  # noqa: PLC0415 - delays torch
                open_classifier,
            )

            return SmallModelSession(open_classifier(folder), folder)

    def deciding(self, settings: dict[str, str]) -> dict[str, str]:
        """No setting changes an answer."""
        del settings
        return {}
