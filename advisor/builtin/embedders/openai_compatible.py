"""Embeds by any OpenAI-compatible server: OpenAI, vLLM, Ollama, llama.cpp, TEI and others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from advisor.builtin.backends.service_settings import (
    NUMBERS,
    Provider,
    ServiceSettings,
    host_of,
    read_settings,
)
from advisor.contracts import PluginInfo
from advisor.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from advisor.builtin.embedders._openai import EmbeddingCalls

MODEL = "text-embedding-3-small"
KEY_ENV = "EMBEDDER_API_KEY"
"""Of whoever embeds elsewhere than the tested model is served."""
SERVICE = Provider(
    id="openai",
    base_url="https://api.openai.com/v1",
    key_env="OPENAI_API_KEY",
    url_env="OPENAI_BASE_URL",
    naming=f"set {KEY_ENV} to the key of this address",
    model_option="--embedder",
)
BATCH = 128
"""Texts of one call; servers take from 32 (TEI) to 2,048 (OpenAI): a refusal says so."""
COUNTS = ("batch", "dimensions")
OPTIONS = ("model", "base_url", "api_key_env", *COUNTS, *sorted(NUMBERS.keys() - {"seed"}))


class OpenAiEmbedder:
    """Asks a server for embeddings; nobody is asked before the first text.

    Options: `model`, `base_url` (or OPENAI_BASE_URL), `api_key_env` (EMBEDDER_API_KEY where that is
    set, else OPENAI_API_KEY for OpenAI's own host), `batch`, `dimensions` for models that can
    shorten, and `concurrency`, `requests_per_minute`, `timeout_seconds`, `attempts` and
    `first_wait_seconds` as of the backend of this name.
    """

    info = PluginInfo(
        id="openai", label="OpenAI-compatible server that embeds", extra="api", spends_money=True
    )

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self._options = dict(options or {})
        self._calls: EmbeddingCalls | None = None

    def configured(self, options: Mapping[str, str]) -> Self:
        """Another server or model. Raises InputError for an unknown or wrong option."""
        unknown = sorted(options.keys() - set(OPTIONS))
        if unknown:
            raise InputError(
                f"The embedder openai has no option '{unknown[0]}'.",
                hint=f"It takes: {', '.join(OPTIONS)}.",
                where="embedder openai",
            )
        for name in COUNTS:
            text = options.get(name, "1")
            if not (text.isascii() and text.isdigit() and int(text) > 0):
                raise InputError(
                    f"{name} is '{text}'.",
                    hint="Give a whole number of at least 1.",
                    where="embedder openai",
                )
        return type(self)(self._options | dict(options))

    @property
    def model(self) -> str:
        """The model's name at the server."""
        return self._options.get("model", MODEL)

    @property
    def digest(self) -> str:
        """What identifies the vectors, as far as a name can; the key has no part in it."""
        url = self._options.get("base_url") or os.environ.get(SERVICE.url_env) or SERVICE.base_url
        path = urlsplit(url).path.rstrip("/")
        told = (host_of(url) + path, self.model, self._options.get("dimensions", ""))
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]

    @property
    def usage(self) -> Mapping[str, int]:
        """Calls answered, texts embedded and tokens the server counted so far."""
        return self._calls.usage if self._calls is not None else {}

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text, in order; as `array`."""
        found: list[list[float]] = self.array(texts).tolist() if texts else []
        return found

    def array(self, texts: Sequence[str]) -> Any:
        """The same as a numpy array, float32.

        Raises MissingExtraError, InputError, and BackendError of the kind that fits: for refused
        credentials, an empty account, a server that does not answer, or answers that are no
        vectors.
        """
        if self._calls is None:
            self._calls = self._opened()
        return self._calls.rows(texts)

    def _opened(self) -> EmbeddingCalls:
        if any(find_spec(name) is None for name in ("numpy", "openai", "tenacity")):
            raise MissingExtraError("Embedding by an OpenAI-compatible server", "api")
        from advisor.builtin.embedders._openai import EmbeddingCalls  # noqa: PLC0415 - heavy

        dimensions = self._options.get("dimensions")
        return EmbeddingCalls(
            self._settings(),
            batch=int(self._options.get("batch", BATCH)),
            dimensions=int(dimensions) if dimensions else None,
        )

    def _settings(self) -> ServiceSettings:
        told = {name: text for name, text in self._options.items() if name not in COUNTS}
        if "api_key_env" not in told and os.environ.get(KEY_ENV):
            told["api_key_env"] = KEY_ENV
        return read_settings(self.model, told, SERVICE)
