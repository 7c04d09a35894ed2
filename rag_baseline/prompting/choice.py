"""What a sweep chose, kept in the run's cache: a later fit that may ask nobody chooses the same."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from advisor.errors import StorageError
from advisor.schema.evaluation import Sample
from rag_baseline.predicting.labelled import embedder_name
from rag_baseline.prompting.prompter import Prompter
from rag_baseline.prompting.rag_options import WAYS, RagOptions
from rag_baseline.prompting.sweep import Outcome, calls_wanted

FORMAT = 2


class Choices:
    """One sweep's outcome by everything that decided it but the model; no text is stored.

    A model that may not be asked takes over what another chose for the same prompts under the same
    metric: a tuned model is compared with its base under one way of prompting.
    """

    def __init__(
        self, builder: str, base: Prompter, train: Sequence[Sample], dev: Sequence[Sample]
    ) -> None:
        self._options = base.options
        self._wanted = calls_wanted(base.options, dev)
        model = base.tools.model
        self._can_ask = model is not None and model.calls_left >= min(self._wanted, 2)
        self._path: Path | None = None
        if self._wanted and model is not None:
            known = _digest(builder, base, model.metric_signature, train, dev)
            self._path = base.tools.cache_dir / f"sweep-{known}.json"

    def kept(self) -> Outcome | None:
        """What an earlier sweep chose that could ask the model, where this one cannot."""
        if self._path is None or self._can_ask:
            return None
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return _read(found, self._options)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, outcome: Outcome) -> None:
        """Store what was chosen by asking; raises StorageError."""
        if not outcome.asked or not self._can_ask or self._path is None:
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


def _digest(
    builder: str, base: Prompter, metric: str, train: Sequence[Sample], dev: Sequence[Sample]
) -> str:
    """Of who asks what, how it is searched and in what, and by what answers are scored."""
    retriever: Any = base.retriever
    decided = [
        FORMAT,
        builder,
        asdict(base.options) | {"given": sorted(base.options.given)},
        base.tools.instruction,
        base.tools.seed,
        base.decline,
        embedder_name(base.tools.embedder),
        [retriever.info.id, str(getattr(retriever, "digest", ""))],
        metric,
    ]
    digest = hashlib.sha256(json.dumps(decided, sort_keys=True).encode())
    shots = train if base.shots is not None else ()
    for one in (*base.library.corpus, *shots, *dev):
        digest.update(json.dumps(one.model_dump(), sort_keys=True, default=str).encode() + b"\n")
    return digest.hexdigest()[:16]


def _read(found: dict[str, Any], options: RagOptions) -> Outcome:
    if found["search"] not in WAYS:
        raise ValueError(found["search"])
    chosen = options.chosen(
        search=found["search"], tokens=int(found["tokens"]), passages=int(found["passages"])
    )
    return Outcome(
        chosen, tuple(map(str, found["story"])), int(found["tried"]), int(found["asked"])
    )
