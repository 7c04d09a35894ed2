"""Any OpenAI-compatible server: OpenAI, vLLM, Ollama, llama.cpp, Together and others."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from advisor.builtin.backends.service_settings import Provider, deciding, read_settings
from advisor.contracts import PluginInfo, Session
from advisor.errors import MissingExtraError

OPENAI = Provider(
    id="openai",
    base_url="https://api.openai.com/v1",
    key_env="OPENAI_API_KEY",
    url_env="OPENAI_BASE_URL",
)


class OpenAiBackend:
    """Opens a model by the name that the server knows; the library is imported on opening."""

    info = PluginInfo(id="openai", label="OpenAI-compatible server", extra="api", spends_money=True)

    def deciding(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Those of the settings that change answers."""
        return deciding(settings)

    def open(self, model: str, settings: dict[str, str]) -> Session:
        """A session that asks nobody yet.

        Settings: `base_url` (or OPENAI_BASE_URL), `api_key_env` (OPENAI_API_KEY for OpenAI's own
        host; none is needed on this machine), `concurrency`, `requests_per_minute`,
        `timeout_seconds` for a whole call, `attempts`, `first_wait_seconds`, `seed`, and
        `json_schema`, the text of a schema that answers must follow. Raises MissingExtraError,
        InputError and BackendAuthError.
        """
        if any(find_spec(name) is None for name in ("openai", "tenacity")):
            raise MissingExtraError("Asking an OpenAI-compatible server", "api")
        known = read_settings(model, settings, OPENAI)
        from advisor.builtin.backends._openai import open_session  # noqa: PLC0415 - delays openai

        return open_session(known)
