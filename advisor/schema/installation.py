"""What an installation consists of: packages, extras, plugins, machine."""

from __future__ import annotations

from advisor.schema.base import Value
from advisor.schema.machine import MachineFacts


class Package(Value):
    """A distribution that the project can use."""

    name: str
    version: str | None = None
    """None when it is not installed."""
    extra: str = ""
    """The extra that asks for it; empty for a core dependency."""


class Extra(Value):
    """An optional part of the installation."""

    name: str
    installed: bool
    missing: tuple[str, ...] = ()
    """Distributions of this extra that are not installed."""
    install: str
    """The command that installs it."""


class EmbeddedModel(Value):
    """The model that ships with the package."""

    present: bool
    folder: str
    weights_mb: float | None = None
    """Size of its weights in MB (10^6 bytes)."""


class Installation(Value):
    """What `advisor doctor` has found."""

    python: str
    platform: str
    packages: tuple[Package, ...]
    extras: tuple[Extra, ...]
    torch_build: str | None = None
    """`CPU`, or `CUDA` with its version; None without torch."""
    machine: MachineFacts
    embedded_model: EmbeddedModel
    rules_folder: str
    log_folder: str
    warnings: tuple[str, ...] = ()


class PluginEntry(Value):
    """One plugin under one contract."""

    group: str
    name: str
    label: str = ""
    owner: str
    """The distribution that brings it."""
    extra: str = ""
    """The extra it needs to run; empty for none."""
    ready: bool
    """It loads, and what it needs is here: its extra, its program."""
    problem: str = ""


class PluginList(Value):
    """What `advisor plugins` has found."""

    plugins: tuple[PluginEntry, ...]
