"""Reads a number of the catalog that comes with its spread and its source."""

from __future__ import annotations

from typing import Any, cast

from advisor.catalog.load import Node
from advisor.schema.base import Figure, Interval, Provenance


def figure_from(node: Node) -> Figure:
    """`value`, or `low`, `likely` and `high`, with `kind`, `source` and perhaps `why`."""
    node.expect(required=("kind", "source"), optional=("value", "low", "likely", "high", "why"))
    low, likely, high = ("value",) * 3 if node.has("value") else ("low", "likely", "high")
    return Figure(
        interval=Interval(low=node.number(low), likely=node.number(likely), high=node.number(high)),
        provenance=Provenance(
            kind=cast("Any", node.text("kind")), source=node.text("source"), note=node.text("why")
        ),
    )
