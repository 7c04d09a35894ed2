"""Turns one catalog file into values: GPUs, the stack's constants, recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from advisor.catalog.figures import figure_from
from advisor.catalog.load import Node
from advisor.schema.base import Provenance
from advisor.schema.catalog import (
    ExpertHabit,
    Gpu,
    LayerLaw,
    Recipe,
    Setting,
    Stack,
)


@dataclass(frozen=True)
class Named:
    """A catalog entry with the names it answers to."""

    card: Gpu
    names: tuple[str, ...]


_GPU_NUMBERS = (
    "bf16_tflops",
    "fp16_tflops",
    "fp8_tflops",
    "bandwidth_gb_per_second",
    "power_watt",
    "link_gb_per_second",
    "pcie_gb_per_second",
    "achievable_share",
)


def gpu_from(node: Node) -> Named:
    """A GPU's sheet: every fact is a value with its source."""
    node.expect(required=("id", "name", "architecture", "facts"), optional=("aliases",))
    facts = node.node("facts")
    facts.expect(required=("memory_gib",), optional=_GPU_NUMBERS)
    values: dict[str, Any] = {}
    sources: list[str] = []
    notes: list[str] = []
    for key in facts.keys():  # noqa: SIM118  a Node is no dict
        fact = facts.node(key)
        fact.expect(required=("value", "source"), optional=("note",))
        values[key] = fact.number("value")
        sources.append(f"{key}: {fact.text('source')}")
        if fact.has("note"):
            notes.append(f"{key}: {fact.text('note')}")
    card = Gpu(
        id=node.text("id"),
        name=node.text("name"),
        architecture=node.text("architecture"),
        **values,
        provenance=Provenance(kind="table", source="; ".join(sources), note="; ".join(notes)),
    )
    return Named(card, (card.id, card.name, *node.texts("aliases")))


_FIGURES = (
    "full_loss_bytes",
    "kernel_loss_bytes",
    "fused_loss_bytes",
    "workspace_gib",
    "context_gib",
    "cpu_process_gib",
)
_TILE = ("fused_loss_tokens", "fused_loss_vocabulary")
_FAMILIES = ("plain_loss_families", "rebinding_families")
_FLAGS = ("autocasts", "keeps_logits", "unties_head", "gathers_all", "wraps_replicas")
_LAWS = ("kept_layer", "layer_backward")
_WIDTHS = ("hidden", "query", "key_value", "feed_forward", "plain_feed_forward")


def stack_from(node: Node, base: Stack | None = None) -> Stack:
    """The constants of one software stack; what it does not state is that of `base`."""
    needed = ("experts", *_FIGURES, *_TILE)
    free = ("defaults", *_FLAGS, *_FAMILIES, *_LAWS)
    if base is None:
        node.expect(required=("id", "title", *needed), optional=free)
    else:
        node.expect(required=("id", "title"), optional=(*needed, *free))
    values: dict[str, Any] = {"id": node.text("id"), "title": node.text("title")}
    values |= {key: figure_from(node.node(key)) for key in _FIGURES if node.has(key)}
    values |= {key: node.whole(key) for key in _TILE if node.has(key)}
    values |= {key: _layer_law(node.node(key)) for key in _LAWS if node.has(key)}
    values |= {key: bool(node.scalar(key)) for key in _FLAGS if node.has(key)}
    values |= {key: node.texts(key) for key in _FAMILIES if node.has(key)}
    if node.has("experts"):
        values["experts"] = _expert_habit(node.node("experts"))
    if node.has("defaults"):
        table = node.node("defaults")
        values["defaults"] = {key: table.scalar(key) for key in table.keys()}  # noqa: SIM118
    return Stack(**values) if base is None else base.model_copy(update=values)


def _layer_law(node: Node) -> LayerLaw:
    node.expect(required=(*_WIDTHS, "kind", "source"), optional=("quantised_outputs", "why"))
    extra = node.number("quantised_outputs") if node.has("quantised_outputs") else 0.0
    return LayerLaw(
        **{key: node.number(key) for key in _WIDTHS},
        quantised_outputs=extra,
        provenance=Provenance(
            kind=cast("Any", node.text("kind")), source=node.text("source"), note=node.text("why")
        ),
    )


def _expert_habit(node: Node) -> ExpertHabit:
    node.expect(required=("value", "kind", "source"), optional=("packs_fused", "why"))
    return ExpertHabit(
        held=cast("Any", node.text("value")),
        packs_fused=node.has("packs_fused") and bool(node.scalar("packs_fused")),
        provenance=Provenance(
            kind=cast("Any", node.text("kind")), source=node.text("source"), note=node.text("why")
        ),
    )


def recipe_from(node: Node) -> Recipe:
    """A reviewed default plan."""
    node.expect(
        required=("id", "title", "method", "settings"),
        optional=("objective", "at_least_parameters", "below_parameters"),
    )
    settings = {}
    table = node.node("settings")
    for key in table.keys():  # noqa: SIM118
        entry = table.node(key)
        entry.expect(required=("value", "why", "source"))
        settings[key] = Setting(
            value=entry.scalar("value"), why=entry.text("why"), source=entry.text("source")
        )
    low, high = "at_least_parameters", "below_parameters"
    return Recipe(
        id=node.text("id"),
        title=node.text("title"),
        method=node.text("method"),
        objective=node.text("objective"),
        at_least_parameters=node.whole(low) if node.has(low) else 0,
        below_parameters=node.whole(high) if node.has(high) else None,
        settings=settings,
    )
