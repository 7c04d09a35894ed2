"""Reads what lies between tensors and card, and how far estimates err."""

from __future__ import annotations

from typing import Any

from advisor.catalog.figures import figure_from
from advisor.catalog.load import Node

Plain = dict[str, Any]
_TABLES = ("context_gib", "growth")
_FIGURES = (
    "communication_gib",
    "gathered_growth",
    "varying_growth",
    "steady_growth",
    "fragmentation",
    "driver_share",
    "unknown_shape",
)
_BAND_TEXTS = ("tier", "guess", "stack", "method", "gpus", "checkpointing")
_BAND_NUMBERS = ("low", "high", "runs", "sources")


def tiers_entry(node: Node) -> Plain:
    """Fields of `Tiers` that one file gives: the constants, or the error bands.

    Raises CatalogError for one that is missing or unknown.
    """
    return _bands(node) if node.has("bands") else _constants(node)


def _constants(node: Node) -> Plain:
    node.expect(required=(*_TABLES, *_FIGURES))
    found: Plain = {name: figure_from(node.node(name)).model_dump() for name in _FIGURES}
    for table in _TABLES:
        entries = node.node(table)
        found[table] = {
            key: figure_from(entries.node(key)).model_dump()
            for key in entries.keys()  # noqa: SIM118
        }
    return found


def _bands(node: Node) -> Plain:
    node.expect(required=("written_by", "as_of", "measured_stacks", "bands"))
    stacks = node.node("measured_stacks")
    measured = {tier: stacks.texts(tier) for tier in stacks.keys()}  # noqa: SIM118
    found = []
    for entry in node.nodes("bands"):
        entry.expect(required=(*_BAND_TEXTS, *_BAND_NUMBERS), optional=("why",))
        band: Plain = {key: entry.text(key) for key in (*_BAND_TEXTS, "why")}
        band |= {key: entry.number(key) for key in ("low", "high")}
        band |= {key: entry.whole(key) for key in ("runs", "sources")}
        found.append(band)
    return {"bands": found, "measured_stacks": measured}
