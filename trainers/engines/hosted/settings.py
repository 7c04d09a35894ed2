"""Where jobs are sent to and with which key: read from the plan's options and the environment."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from advisor.errors import BackendAuthError, PlanError
from advisor.schema.base import Value
from advisor.schema.plan import Plan

HOME = "https://api.openai.com/v1"
KEY_VARIABLE, URL_VARIABLE = "OPENAI_API_KEY", "OPENAI_BASE_URL"
NO_KEY = "none"
"""Sent where no key is needed, since the library insists on one."""
LOOPBACK = ("localhost", "127.", "::1", "0.0.0.0")  # noqa: S104 - recognised, not bound
PRICE = "usd_per_million_tokens"
"""What the service asks for training, where the user knows it."""
OPTIONS = (
    "model",
    "base_url",
    "api_key_env",
    "suffix",
    "learning_rate_multiplier",
    "beta",
    "poll_seconds",
    "timeout_seconds",
    "cancel",
    PRICE,
)
SHOWN = 3
LONGEST = 240
KEYS = re.compile(
    r"(?:(?<=bearer )|(?<=basic )|\b(?=sk-|sk_|pk-|gsk_|xai-|hf_|AIza|key-))[A-Za-z0-9_\-.=+/]{8,}",
    re.IGNORECASE,
)


class Address(Value):
    """Everything that a request needs; the key is never shown."""

    base_url: str
    api_key: SecretStr
    timeout_seconds: float = Field(default=60.0, gt=0)
    poll_seconds: float = Field(default=10.0, gt=0)
    """Between two looks at a job."""

    @property
    def host(self) -> str:
        """Host and port, without user and password."""
        return host_of(self.base_url)

    def said(self, text: str) -> str:
        """A service's words in one line, shortened, with what is or looks like a key masked."""
        line = " ".join(text.split())
        key = self.api_key.get_secret_value()
        if key != NO_KEY and len(key) > SHOWN:
            line = line.replace(key, _masked(key))
        line = KEYS.sub(lambda found: _masked(found.group()), line)
        return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


def _masked(secret: str) -> str:
    return f"{secret[:SHOWN]}... ({len(secret)} characters)"


def host_of(url: str) -> str:
    """Host and port of an address."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def address_of(plan: Plan) -> Address:
    """Option `base_url`, else OPENAI_BASE_URL, else OpenAI's own; the key by `api_key_env`.

    Raises PlanError for options that cannot be used, BackendAuthError where a key is needed and
    nothing says which.
    """
    told = plan.method_options
    base_url = str(told.get("base_url") or os.environ.get(URL_VARIABLE) or HOME).rstrip("/")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PlanError(
            f"'{base_url.rpartition('@')[2]}' is no address of a service.",
            hint="Write it whole, for example https://api.openai.com/v1.",
            where="option base_url",
        )
    if parts.username or parts.password:
        raise PlanError(
            f"The address of {host_of(base_url)} holds a user or a password, which would be kept.",
            hint="Put the key into a variable and name that: option api_key_env=NAME.",
            where="option base_url",
        )
    key = _key(base_url, str(told.get("api_key_env") or ""))
    waits = {name: positive(plan, name) for name in ("timeout_seconds", "poll_seconds")}
    known = {name: value for name, value in waits.items() if value is not None}
    return Address(base_url=base_url, api_key=SecretStr(key), **known)


def positive(plan: Plan, name: str) -> float | None:
    """A positive number among the options; None where there is none. Raises PlanError."""
    value = plan.method_options.get(name)
    if value is None:
        return None
    if isinstance(value, bool | str) or value <= 0:
        raise PlanError(f"The option '{name}' is {value!r}.", hint="Give a number above 0.")
    return float(value)


def _key(base_url: str, named: str) -> str:
    """The named variable's key; without a name OpenAI's, and that to its own address alone.

    What OPENAI_BASE_URL names is meant by OPENAI_API_KEY too; nothing goes unencrypted beyond
    this machine unless the variable was named.
    """
    host = (urlsplit(base_url).hostname or "").lower()
    is_near = host.startswith(LOOPBACK) or host.endswith(".localhost")
    homes = (urlsplit(HOME).hostname, urlsplit(os.environ.get(URL_VARIABLE, "")).hostname)
    is_meant = is_near or (host in homes and base_url.startswith("https://"))
    variable = named or (KEY_VARIABLE if is_meant else "")
    key = os.environ.get(variable, "").strip() if variable else ""
    if key:
        return key
    if is_near and not named:
        return NO_KEY
    if not variable:
        raise BackendAuthError(
            f"Nothing says which key is for {host_of(base_url)}.",
            hint="Name the variable that holds it: option api_key_env=NAME.",
            where="trainer hosted",
        )
    raise BackendAuthError(
        f"No key for {host_of(base_url)}: the variable {variable} is not set.",
        hint=f"Set it: export {variable}=..., or name another by option api_key_env=NAME.",
        where="trainer hosted",
    )
