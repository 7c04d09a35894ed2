"""What a sweep chose, kept in the run's cache: a later fit that may ask nobody chooses the same."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from advisor.contracts import Retriever, Tools
from advisor.errors import StorageError
from advisor.schema.evaluation import Sample
from rag_baseline.prompting.rag_options import WAYS, RagOptions
from rag_baseline.prompting.sweep import Outcome, calls_wanted

FORMAT = 1


class Choices:
    """One sweep's outcome by everything that decided it but the model; no text is stored."""

    def __init__(
        self, tools: Tools, options: RagOptions, dev: Sequence[Sample], retriever: Retriever
    ) -> None:
        self._options = options
        self._wanted = calls_wanted(options, dev)
        model = tools.model
        self._can_ask = model is not None and model.calls_left >= min(self._wanted, 2)
        digest = hashlib.sha256()
        body = asdict(options) | {"given": sorted(options.given)}
        decided = [FORMAT, body, tools.instruction, tools.seed, getattr(retriever, "digest", "")]
        digest.update(json.dumps(decided, sort_keys=True).encode())
        for sample in dev:
            digest.update(f"{sample.id}\0{sample.input}\0{sample.target}\n".encode())
        self._path: Path = tools.cache_dir / f"sweep-{digest.hexdigest()[:16]}.json"

    def kept(self) -> Outcome | None:
        """What an earlier sweep chose that could ask the model, where this one cannot."""
        if not self._wanted or self._can_ask:
            return None
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return _read(found, self._options)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, outcome: Outcome) -> None:
        """Store what was chosen by asking; raises StorageError."""
        if not outcome.asked or not self._can_ask:
            return
        chosen = outcome.options
        body = {
            "search": chosen.search,
            "tokens": chosen.tokens,
            "passages": chosen.passages,
            "story": outcome.story,
            "tried": outcome.tried,
            "asked": outcome.asked,
        }
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(body, indent=1), encoding="utf-8")
            temporary.replace(self._path)
        except OSError as error:
            raise StorageError(
                f"What the sweep chose cannot be stored: {error}.",
                hint="Free some space or make the folder writable.",
                where=str(self._path),
            ) from error


def _read(found: dict[str, Any], options: RagOptions) -> Outcome:
    if found["search"] not in WAYS:
        raise ValueError(found["search"])
    chosen = options.chosen(
        search=found["search"], tokens=int(found["tokens"]), passages=int(found["passages"])
    )
    return Outcome(
        chosen, tuple(map(str, found["story"])), int(found["tried"]), int(found["asked"])
    )
