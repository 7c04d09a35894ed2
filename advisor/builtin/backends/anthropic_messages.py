"""Anthropic's models through its own service."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from advisor.builtin.backends.service_settings import Provider, read_settings
from advisor.contracts import PluginInfo, Session
from advisor.errors import MissingExtraError

ANTHROPIC = Provider(
    id="anthropic",
    base_url="https://api.anthropic.com",
    key_env="ANTHROPIC_API_KEY",
    url_env="ANTHROPIC_BASE_URL",
)


class AnthropicBackend:
    """Opens a model by Anthropic's name for it; the library is imported on opening."""

    info = PluginInfo(id="anthropic", label="Anthropic", extra="api", spends_money=True)

    def deciding(self, settings: Mapping[str, str]) -> dict[str, str]:
        """None of the settings changes answers: the service takes no seed."""
        del settings
        return {}

    def open(self, model: str, settings: dict[str, str]) -> Session:
        """A session that asks nobody yet; settings and errors as for OpenAI-compatible servers.

        The key is in ANTHROPIC_API_KEY. A seed is passed over: the service takes none.
        """
        if any(find_spec(name) is None for name in ("anthropic", "tenacity")):
            raise MissingExtraError("Asking Anthropic", "api")
        known = read_settings(model, settings, ANTHROPIC)
        from advisor.builtin.backends._anthropic import (  # noqa: PLC0415 - delays anthropic
            open_session,
        )

        return open_session(known)
