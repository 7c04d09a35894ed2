"""Turns the catalog's files on training speed into values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from advisor.catalog.compiled import compiled
from advisor.catalog.figures import figure_from
from advisor.catalog.load import Node, catalog_root, files_in, read
from advisor.schema.base import Figure, Value
from advisor.schema.throughput import (
    Cell,
    GpuClass,
    Overheads,
    Power,
    StackSpeed,
    Throughput,
)

_STACK_FIGURES = (
    "matmul_share",
    "traffic_bytes",
    "launch_milliseconds",
    "expert_microseconds",
    "eight_bit_gain",
    "four_bit_gain",
    "attention_cost",
    "expert_exponent",
)
_MEASURED = (
    "small_batch_tokens",
    "full_launch_factor",
    "doubling_nodes",
)
_MEASURED_TABLES = ("spread", "several_gpus", "dequantise_milliseconds")
_CONSTANTS = (
    "float32_share",
    "optimizer_bytes",
    "decode_share",
    "link_share",
    "pcie_gb_per_second",
    "network_gb_per_second",
    "slow_network_gb_per_second",
    "offload_share",
)
_POWER = ("load", "server_host_watt", "desktop_host_watt", "cloud_overhead", "home_overhead")


@cache
def throughput() -> Throughput:
    """Everything that times are computed from.

    Raises CatalogError for an unknown or missing key, and for values that make no sense.
    """
    merged: dict[str, Any] = {}
    for part in compiled("throughput", files_in(catalog_root() / "throughput"), _part):
        merged |= part
    return Throughput(**merged)


def _part(file: Path) -> Iterable[dict[str, Any]]:
    """What one file of the three holds, as plain data."""
    readers = {"utilisation": _calibrated, "constants": _constants, "power": _power}
    node = read(file)
    if file.stem not in readers:
        raise node.error(f"Unknown file {file.name}.", f"Known: {', '.join(sorted(readers))}.")
    yield {key: _plain(value) for key, value in readers[file.stem](node).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _calibrated(node: Node) -> Mapping[str, Any]:
    """What the calibration on published runs writes."""
    lists, number = ("stacks", "classes", "cells"), "reference_gb_per_second"
    node.expect(required=(*lists, number, *_MEASURED, *_MEASURED_TABLES))
    return {
        "stacks": tuple(_stack(entry) for entry in node.nodes("stacks")),
        "classes": tuple(_gpu_class(entry) for entry in node.nodes("classes")),
        "cells": tuple(_cell(entry) for entry in node.nodes("cells")),
        **{key: _figures(node.node(key)) for key in _MEASURED_TABLES},
        "reference_gb_per_second": node.number("reference_gb_per_second"),
        **{key: figure_from(node.node(key)) for key in _MEASURED},
    }


def _constants(node: Node) -> Mapping[str, Any]:
    """Constants that were not fitted."""
    node.expect(required=(*_CONSTANTS, "logits_bytes", "overheads"))
    overheads = node.node("overheads")
    overheads.expect(required=tuple(Overheads.model_fields))
    return {
        "logits_bytes": _figures(node.node("logits_bytes")),
        "overheads": Overheads(**_figures(overheads)),
        **{key: figure_from(node.node(key)) for key in _CONSTANTS},
    }


def _power(node: Node) -> Mapping[str, Any]:
    """From hours to energy and carbon dioxide."""
    node.expect(required=(*_POWER, "grid_gram_per_kwh"))
    figures: dict[str, Any] = {key: figure_from(node.node(key)) for key in _POWER}
    return {"power": Power(grid_gram_per_kwh=_figures(node.node("grid_gram_per_kwh")), **figures)}


def _figures(node: Node) -> dict[str, Figure]:
    return {key: figure_from(node.node(key)) for key in node.keys()}  # noqa: SIM118  a Node


def _stack(node: Node) -> StackSpeed:
    node.expect(required=("id", *_STACK_FIGURES), optional=("stacks",))
    figures: dict[str, Any] = {key: figure_from(node.node(key)) for key in _STACK_FIGURES}
    return StackSpeed(id=cast("Any", node.text("id")), stacks=node.texts("stacks"), **figures)


def _gpu_class(node: Node) -> GpuClass:
    node.expect(required=("id", "share", "attention_cost"), optional=("architectures", "gpus"))
    return GpuClass(
        id=node.text("id"),
        architectures=node.texts("architectures"),
        gpus=node.texts("gpus"),
        share=figure_from(node.node("share")),
        attention_cost=figure_from(node.node("attention_cost")),
    )


def _cell(node: Node) -> Cell:
    node.expect(
        required=("gpu_class", "stack_class", "rows", "sources", "evidence"),
        optional=("published",),
    )
    published = tuple(float(n) for n in node.texts("published"))
    return Cell(
        gpu_class=node.text("gpu_class"),
        stack_class=cast("Any", node.text("stack_class")),
        rows=node.whole("rows"),
        sources=node.whole("sources"),
        evidence=cast("Any", node.text("evidence")),
        published=cast("Any", published) if published else None,
    )
