"""What a model service is asked with: address, key, pace; read from settings and environment."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr

from advisor.errors import BackendAuthError, InputError
from advisor.schema.base import Value

LOOPBACK = ("localhost", "127.", "::1", "0.0.0.0")  # noqa: S104 - recognised, not bound
NO_KEY = "none"
"""Sent where no key is needed, since the libraries insist on one."""
OWN_KEYS = {
    "api.deepseek.com": "DEEPSEEK_API_KEY",
    "api.fireworks.ai": "FIREWORKS_API_KEY",
    "api.groq.com": "GROQ_API_KEY",
    "api.mistral.ai": "MISTRAL_API_KEY",
    "api.together.ai": "TOGETHER_API_KEY",
    "api.together.xyz": "TOGETHER_API_KEY",
    "api.x.ai": "XAI_API_KEY",
    "openrouter.ai": "OPENROUTER_API_KEY",
}
"""Services with a variable of their own, so that one service's key is not sent to another."""
HOMES = {"api.openai.com": "OPENAI_API_KEY", "api.anthropic.com": "ANTHROPIC_API_KEY"}
NUMBERS = {
    "concurrency": "a whole number of at least 1",
    "requests_per_minute": "a whole number of at least 1",
    "timeout_seconds": "a number above 0",
    "attempts": "a whole number of at least 1",
    "first_wait_seconds": "a number above 0",
    "seed": "a whole number",
}


DECIDING = ("seed",)
"""Settings that change answers, beside address and model, which the digest tells, and the schema,
which counts by its content."""


def deciding(settings: Mapping[str, str]) -> dict[str, str]:
    """Those of a service's settings that change answers."""
    return {name: settings[name] for name in DECIDING if name in settings}


class Provider(Value):
    """What a kind of service usually means."""

    id: str
    base_url: str
    key_env: str
    url_env: str
    naming: str = "name the variable that holds it: --backend-option api_key_env=NAME"
    """How a user says which key is meant."""
    model_option: str = "--model"


class ServiceSettings(Value):
    """Everything a session needs to know; the key is never shown."""

    model: str
    base_url: str
    api_key: SecretStr
    concurrency: int = Field(default=8, gt=0)
    requests_per_minute: int | None = Field(default=None, gt=0)
    timeout_seconds: float = Field(default=120.0, gt=0)
    """For one whole call, from connecting to the last byte."""
    attempts: int = Field(default=8, gt=0)
    first_wait_seconds: float = Field(default=0.5, gt=0)
    seed: int | None = None
    json_schema: dict[str, Any] | None = None

    @property
    def host(self) -> str:
        """Where the service is, for messages: host and port, without user and password."""
        return host_of(self.base_url)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits over address and model; the key has no part in it."""
        parts = urlsplit(self.base_url)
        told = f"{self.host}{parts.path.rstrip('/')}\n{self.model}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def host_of(url: str) -> str:
    """Host and port of an address."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def is_loopback(url: str) -> bool:
    """Whether an address can only mean this machine."""
    host = (urlsplit(url).hostname or "").lower()
    return host == "localhost" or host.startswith(LOOPBACK) or host.endswith(".localhost")


def read_settings(model: str, told: Mapping[str, str], provider: Provider) -> ServiceSettings:
    """The settings, with the environment's defaults; settings of other backends are passed over.

    Raises InputError for a value that cannot be used, BackendAuthError where a key is needed and
    none is set.
    """
    if not model.strip():
        raise InputError(
            "No model is named.", hint=f"Name one with {provider.model_option}.", where=provider.id
        )
    address = told.get("base_url") or os.environ.get(provider.url_env) or provider.base_url
    base_url = _checked(address, provider)
    given: dict[str, Any] = {name: told[name] for name in NUMBERS if told.get(name)}
    for name, value in given.items():
        given[name] = _number(name, value)
    return ServiceSettings(
        model=model,
        base_url=base_url,
        api_key=SecretStr(_key(base_url, told.get("api_key_env", ""), provider)),
        json_schema=_schema(told.get("json_schema")),
        **given,
    )


def _checked(address: str, provider: Provider) -> str:
    parts: SplitResult = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"'{address.rpartition('@')[2]}' is no address of a service.",
            hint="Write it whole, for example http://localhost:8000/v1.",
            where=f"base_url of backend {provider.id}",
        )
    return address.rstrip("/")


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    whole = NUMBERS[name].startswith("a whole")
    at_least = None if name == "seed" else 1 if whole else 0
    wrong = number != number or (whole and number != int(number))  # noqa: PLR0124 - not a number
    if wrong or (at_least is not None and (number < at_least or number == 0)):
        raise InputError(f"{name} is '{value}'.", hint=f"Give {NUMBERS[name]}.", where=name)
    return int(number) if whole else number


def _schema(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        schema = json.loads(text)
    except ValueError as error:
        schema = str(error)
    if not isinstance(schema, dict):
        raise InputError(
            "The JSON schema for answers is no JSON object.",
            hint='Begin it with {"type": "object", ...}.',
            where="json_schema",
        )
    return schema


def _key(base_url: str, named: str, provider: Provider) -> str:
    """The key from the environment: the named one, else the one that is meant for this address.

    One that was not named for this address goes to loopback and over TLS only.
    """
    is_open = is_loopback(base_url) or base_url.startswith("http://")
    _check_owner(base_url, named, provider)
    variable = named or _meant(base_url, provider)
    key = os.environ.get(variable, "").strip() if variable else ""
    if key and (named or not is_open or is_loopback(base_url)):
        return key
    if is_open and not named:
        return NO_KEY
    if not variable:
        raise BackendAuthError(
            f"Nothing says which key is for {host_of(base_url)}: {provider.key_env} stays with "
            f"{host_of(provider.base_url)}.",
            hint=f"{provider.naming[0].upper()}{provider.naming[1:]}.",
            where=provider.id,
        )
    raise BackendAuthError(
        f"No key for {host_of(base_url)}: the variable {variable} is not set.",
        hint=f"Set it: export {variable}=..., or {provider.naming}.",
        where=provider.id,
    )


def _check_owner(base_url: str, named: str, provider: Provider) -> None:
    """Raise BackendAuthError where the named variable is one company's and the address another's.

    A gateway, which is nobody's in the table, may be given any key.
    """
    owners = OWN_KEYS | HOMES
    host = (urlsplit(base_url).hostname or "").lower()
    own = owners.get(host)
    if own is not None and named != own and named in owners.values():
        raise BackendAuthError(
            f"{named} is not sent to {host_of(base_url)}, which has {own}.",
            hint=f"Leave api_key_env out, or name the variable that holds a key of {host}.",
            where=provider.id,
        )


def _meant(base_url: str, provider: Provider) -> str:
    """The variable whose key is meant for an address; empty where nobody has said so."""
    host = (urlsplit(base_url).hostname or "").lower()
    if host in OWN_KEYS:
        return OWN_KEYS[host]
    home = urlsplit(provider.base_url).hostname or ""
    told = urlsplit(os.environ.get(provider.url_env, "")).hostname
    is_meant = host in (home, told) or host.endswith(f".{home}") or is_loopback(base_url)
    return provider.key_env if is_meant else ""
