"""What any plugin may offer: options of its own, and a word on what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:  # what the methods take and give: a start needs none of it
    from collections.abc import Mapping


@runtime_checkable
class Configurable(Protocol):
    """What a plugin may offer beside its contract: settings of its own.

    --metric-option for metrics, --builder-option for prompt builders and predictors,
    --retriever-option for retrievers; an embedder is told its model, address and batch this way.
    """

    def configured(self, options: Mapping[str, str]) -> Self:
        """The same plugin with these options; raises InputError for an unknown or wrong one."""


@runtime_checkable
class Lacking(Protocol):
    """What a plugin may offer that needs more than Python packages: a program, a device."""

    def missing(self) -> str:
        """What it needs and this machine lacks, in a few words; empty where nothing; cheap."""
