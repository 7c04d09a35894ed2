"""Turns one catalog file into values: models, GPUs, offers, the stack's constants, recipes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from advisor.catalog.config import count_parameters
from advisor.catalog.load import Node
from advisor.schema.base import Figure, Interval, Provenance
from advisor.schema.catalog import (
    Gpu,
    ModelCard,
    Offer,
    Recipe,
    Setting,
    Stack,
    Utilisation,
)

_SHAPE = (
    "hidden_size",
    "layers",
    "attention_heads",
    "key_value_heads",
    "head_dim",
    "intermediate_size",
    "vocabulary_size",
)
_KINDS = ("on_demand", "spot", "reserved", "community")


@dataclass(frozen=True)
class Named:
    """A catalog entry with the names it answers to."""

    card: ModelCard | Gpu
    names: tuple[str, ...]


def model_from(node: Node) -> Named:
    """A reference shape; `attention_bias` and `tied_embeddings` say how to count it."""
    node.expect(
        required=("id", "title", "architecture", "source", "shape"),
        optional=("sizes", "hub_ids", "max_sequence_length", "tied_embeddings", "attention_bias"),
    )
    shape = node.node("shape")
    shape.expect(required=_SHAPE)
    numbers: dict[str, Any] = {key: shape.whole(key) for key in _SHAPE}
    card = ModelCard(
        id=node.text("id"),
        architecture=node.text("architecture"),
        **numbers,
        tied_embeddings=node.has("tied_embeddings") and bool(node.scalar("tied_embeddings")),
        max_sequence_length=(
            node.whole("max_sequence_length") if node.has("max_sequence_length") else None
        ),
        parameters=1,
        provenance=Provenance(kind="table", source=node.text("source")),
    )
    bias = node.has("attention_bias") and bool(node.scalar("attention_bias"))
    card = card.model_copy(update={"parameters": count_parameters(card, attention_bias=bias)})
    return Named(card, (card.id, *node.texts("sizes"), *node.texts("hub_ids")))


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


def offers_from(node: Node, *, as_of: str) -> Iterator[Offer]:
    """The provider's offers, each at its latest price up to `as_of`."""
    node.expect(required=("provider", "pricing_url", "currency", "offers"))
    if node.text("currency") != "USD":
        raise node.error(
            "Only USD is known.", "Convert the prices, or extend units.py.", "currency"
        )
    for offer in node.nodes("offers"):
        offer.expect(required=("gpu", "kind", "prices"), optional=("gpus", "region", "note"))
        if offer.text("kind") not in _KINDS:
            raise offer.error(f"Unknown kind '{offer.text('kind')}'.", f"One of {_KINDS}.", "kind")
        dated = [p for p in offer.nodes("prices") if _checked_price(p).text("from") <= as_of]
        if dated:
            yield _offer(node, offer, max(dated, key=lambda p: p.text("from")))


def _checked_price(node: Node) -> Node:
    node.expect(required=("from", "usd_per_gpu_hour", "checked", "source"), optional=("note",))
    return node


def _offer(provider: Node, offer: Node, price: Node) -> Offer:
    amount = price.scalar("usd_per_gpu_hour")
    if not isinstance(amount, str):
        raise price.error(
            f"Money is written as text, got {amount!r}.", 'Write "1.25".', "usd_per_gpu_hour"
        )
    try:
        usd_per_gpu_hour = Decimal(amount)
    except InvalidOperation:
        raise price.error(
            f"'{amount}' is no amount of money.", 'Write "1.25".', "usd_per_gpu_hour"
        ) from None
    return Offer(
        gpu=offer.text("gpu"),
        provider=provider.text("provider"),
        kind=cast("Any", offer.text("kind")),
        usd_per_gpu_hour=usd_per_gpu_hour,
        region=offer.text("region"),
        gpus=offer.whole("gpus") if offer.has("gpus") else 1,
        valid_from=price.text("from"),
        checked=price.text("checked"),
        source=price.text("source"),
    )


def _figure(node: Node) -> Figure:
    node.expect(required=("kind", "source"), optional=("value", "low", "likely", "high", "why"))
    low, likely, high = ("value",) * 3 if node.has("value") else ("low", "likely", "high")
    return Figure(
        interval=Interval(low=node.number(low), likely=node.number(likely), high=node.number(high)),
        provenance=Provenance(
            kind=cast("Any", node.text("kind")), source=node.text("source"), note=node.text("why")
        ),
    )


_FIGURES = (
    "layer_hidden",
    "layer_query",
    "layer_key_value",
    "layer_feed_forward",
    "full_loss_bytes",
    "fused_loss_bytes",
    "workspace_gib",
    "context_gib",
    "cpu_process_gib",
    "fragmentation",
    "small_batch_tokens",
    "scaling",
)
_TILE = ("fused_loss_tokens", "fused_loss_vocabulary")


def stack_from(node: Node) -> Stack:
    """The constants of one software stack."""
    node.expect(required=("id", "title", "allocated_error", "utilisation", *_FIGURES, *_TILE))
    figures: dict[str, Any] = {key: _figure(node.node(key)) for key in _FIGURES}
    errors = node.node("allocated_error")
    classes = []
    for entry in node.nodes("utilisation"):
        entry.expect(required=("id", "gpus", "share"))
        share = _figure(entry.node("share"))
        classes.append(Utilisation(id=entry.text("id"), gpus=entry.texts("gpus"), share=share))
    return Stack(
        id=node.text("id"),
        title=node.text("title"),
        fused_loss_tokens=node.whole("fused_loss_tokens"),
        fused_loss_vocabulary=node.whole("fused_loss_vocabulary"),
        allocated_error={key: _figure(errors.node(key)) for key in errors.keys()},  # noqa: SIM118
        utilisation=tuple(classes),
        **figures,
    )


def recipe_from(node: Node) -> Recipe:
    """A reviewed default plan."""
    node.expect(
        required=("id", "title", "method", "settings"),
        optional=("at_least_parameters", "below_parameters"),
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
        at_least_parameters=node.whole(low) if node.has(low) else 0,
        below_parameters=node.whole(high) if node.has(high) else None,
        settings=settings,
    )
