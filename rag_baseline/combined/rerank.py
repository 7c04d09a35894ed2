"""Found passages put into a better order by a model that reads each together with the query."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from advisor.errors import InputError, MissingExtraError, ModelFolderError
from advisor.schema.evaluation import Hit
from rag_baseline.combined.rerank_service import ServiceReranker, is_address
from rag_baseline.passage_text import searched_text

CONFIG = "config.json"
BATCH = 16
KEPT_QUERIES = 10_000
"""Queries whose scores stay in memory."""
DECIMALS = 6
"""Scores closer than this are ties: the same pair read in two batches differs by less."""


class Reranker(Protocol):
    """Scores passages for a query; higher is better."""

    @property
    def digest(self) -> str:
        """What identifies the scores."""

    @property
    def told(self) -> str:
        """The same for a manifest, with the model's name where only that tells which it is."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One per text, in order."""


@cache
def reranker(place: str) -> Reranker:
    """A cross-encoder from a folder, or a service that reranks at an address (`URL#MODEL`).

    One place has one reranker, whose scores are kept. Raises InputError where there is no such
    folder, or for an address that cannot be used.
    """
    if is_address(place):
        return KeptScores(ServiceReranker.of(place))
    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"There is no folder '{place}' with a reranking model.",
            hint="Give the folder of a cross-encoder, or the address of a service as URL#MODEL.",
            where="rerank",
        )
    return KeptScores(CrossEncoderReranker(folder))


def reranked_first(model: Reranker, query: str, hits: Sequence[Hit], depth: int) -> list[Hit]:
    """The first hits reranked; those beyond stay behind: a longer look is no dearer."""
    return [*reranked(model, query, hits[:depth]), *hits[depth:]]


def reranked(model: Reranker, query: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits with the model's scores, best first; ties as they were."""
    if not hits:
        return []
    scores = model.scores(query, [searched_text(hit.passage) for hit in hits])
    ranked = sorted(zip(hits, scores, strict=True), key=lambda pair: -pair[1])
    return [Hit(passage=hit.passage, score=score) for hit, score in ranked]


class KeptScores:
    """A reranker that reads no pair twice: prompts, sweeps and retrieval scores ask for the same.

    Scores stay in memory, for the last queries; of texts only digests do.
    """

    def __init__(self, inner: Reranker) -> None:
        self._inner = inner
        self._kept: dict[str, dict[bytes, float]] = {}

    @property
    def digest(self) -> str:
        """Of what scores."""
        return self._inner.digest

    @property
    def told(self) -> str:
        """As what scores tells it."""
        return self._inner.told

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One per text, in order; raises what the reranker raises, and then keeps nothing."""
        kept = self._kept.pop(query, {})
        keys = [
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            for text in texts
        ]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in kept}
        if missing:
            found = self._inner.scores(query, list(missing.values()))
            kept = kept | dict(zip(missing, found, strict=True))
        self._kept[query] = kept
        if len(self._kept) > KEPT_QUERIES:
            del self._kept[next(iter(self._kept))]
        return [kept[key] for key in keys]


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers; read from its folder, safetensors only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def digest(self) -> str:
        """Changes with the model's files."""
        return _digest(self.folder)

    @property
    def told(self) -> str:
        """The digest: where the folder lies decides nothing."""
        return self.digest

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One per text, in order. Raises ModelFolderError, MissingExtraError."""
        found = _model(self.folder).predict(
            [(query, text) for text in texts], batch_size=BATCH, show_progress_bar=False
        )
        scores = [round(float(score), DECIMALS) for score in found]
        if not all(math.isfinite(score) for score in scores):
            raise ModelFolderError(
                "The reranking model gave a score that is no number.",
                hint="Use another cross-encoder, or leave rerank out.",
                where=str(self.folder),
            )
        return scores


@cache
def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".json", ".safetensors"}):
        total.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]


@cache
def _model(folder: Path) -> Any:
    """The loaded model; loading takes seconds, so it is kept."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 - seconds to import
        from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - the same
    except ImportError as error:
        raise MissingExtraError("Reranking", "rag") from error
    disable_progress_bar()
    if not (folder / CONFIG).is_file():
        raise _unfit(folder, f"{CONFIG} is missing")
    try:
        model: Any = CrossEncoder(
            str(folder), local_files_only=True, model_kwargs={"use_safetensors": True}
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise _unfit(folder, str(error).splitlines()[0]) from error
    if model.num_labels != 1:
        raise _unfit(folder, f"it gives {model.num_labels} numbers per pair, not one")
    return model


def _unfit(folder: Path, why: str) -> ModelFolderError:
    return ModelFolderError(
        f"No reranking model can be opened in '{folder}': {why.rstrip('.')}.",
        hint="Give the folder of a cross-encoder with one score per pair, in safetensors.",
        where=str(folder),
    )
