"""Reads the standing figures about money and serving."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from advisor.catalog.compiled import Plain, compiled
from advisor.catalog.figures import figure_from
from advisor.catalog.load import Node, catalog_root, read
from advisor.schema.money import Money

_BILLING, _LARGE, _REFERENCES = "billing_seconds", "large_model", "hosted_references"


def money_from(node: Node) -> Money:
    """Every figure of the file.

    Raises CatalogError for one that is missing or unknown.
    """
    node.expect(required=tuple(Money.model_fields))
    apart = {_BILLING, _LARGE, _REFERENCES}
    names = [name for name in Money.model_fields if name not in apart]
    figures: dict[str, Any] = {name: figure_from(node.node(name)) for name in names}
    providers = node.node(_BILLING)
    billing = {name: figure_from(providers.node(name)) for name in providers.keys()}  # noqa: SIM118
    return Money(
        billing_seconds=billing,
        large_model=node.text(_LARGE),
        hosted_references=node.texts(_REFERENCES),
        **figures,
    )


def _plain(file: Path) -> list[Plain]:
    return [money_from(read(file)).model_dump(mode="json")]


@cache
def money() -> Money:
    """The catalog's figures."""
    (found,) = compiled("serving", [catalog_root() / "serving.yaml"], _plain)
    return Money.model_validate(found)
