"""Dated prices as append-only series: read from a file, and the one that holds on a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from advisor.catalog.load import Node

Plain = dict[str, Any]
"""A series as JSON can hold it: what is sold, and under `prices` each price with its dates."""

_KINDS = ("on_demand", "spot", "reserved", "community")
_DATES = ("from", "checked", "source")
_MONEY = {
    "offers": ("usd_per_gpu_hour",),
    "tuning": ("usd_per_million_training_tokens",),
    "inference": ("usd_per_million_input_tokens", "usd_per_million_output_tokens"),
}
_MORE_MONEY = {
    "offers": (),
    "tuning": (
        "usd_per_million_input_tokens",
        "usd_per_million_output_tokens",
        "hosting_usd_per_hour",
    ),
    "inference": ("usd_per_million_cached_tokens",),
}
_SIZES = ("parameters", "at_least_parameters", "up_to_parameters")


def on_day(series: Mapping[str, Any], as_of: str) -> Plain | None:
    """What is sold with the latest price up to a day; None before the first and after the last.

    A price that ends the series says `gone`. The notes of series and price are joined.
    """
    found: Plain | None = None
    for price in series["prices"]:
        if price["valid_from"] > as_of:
            break
        found = price
    if found is None or found.get("gone"):
        return None
    head = {key: value for key, value in series.items() if key != "prices"}
    notes = filter(None, (series.get("note"), found.get("note")))
    return head | found | {"note": "; ".join(notes)}


def offer_series(node: Node) -> Iterator[Plain]:
    """A provider's GPU prices.

    Raises CatalogError for an unknown kind or currency, and for prices out of order.
    """
    _expect_provider(node, required=("offers",))
    for offer in node.nodes("offers"):
        offer.expect(
            required=("gpu", "kind", "prices"),
            optional=("gpus", "region", "instance", "gpu_only", "note"),
        )
        if offer.text("kind") not in _KINDS:
            raise offer.error(f"Unknown kind '{offer.text('kind')}'.", f"One of {_KINDS}.", "kind")
        yield {
            "gpu": offer.text("gpu"),
            "provider": node.text("provider"),
            "kind": offer.text("kind"),
            "gpus": offer.whole("gpus") if offer.has("gpus") else 1,
            "region": offer.text("region"),
            "instance": offer.text("instance"),
            "is_gpu_only": offer.yes("gpu_only", default=False),
            "note": offer.text("note"),
            "prices": _prices(offer, "offers"),
        }


def hosted_series(node: Node, part: str) -> Iterator[Plain]:
    """A provider's prices per token: `part` is `tuning` or `inference`.

    Raises CatalogError as `offer_series` does.
    """
    _expect_provider(node, optional=("tuning", "inference"))
    for entry in node.nodes(part) if node.has(part) else ():
        own = {"tuning": ("methods", "objectives"), "inference": ("tuned", "above_prompt_tokens")}
        entry.expect(required=("model", "prices"), optional=(*_SIZES, "note", *own[part]))
        series: Plain = {
            "provider": node.text("provider"),
            "model": entry.text("model"),
            "note": entry.text("note"),
            **{key: entry.whole(key) for key in _SIZES if entry.has(key)},
        }
        if part == "tuning":
            series["methods"] = list(entry.texts("methods"))
            series["objectives"] = list(entry.texts("objectives")) or ["sft"]
        else:
            series["is_tuned"] = entry.yes("tuned", default=False)
            has_limit = entry.has("above_prompt_tokens")
            series["above_prompt_tokens"] = entry.whole("above_prompt_tokens") if has_limit else 0
        yield series | {"prices": _prices(entry, part)}


def _expect_provider(
    node: Node, *, required: Iterable[str] = (), optional: Iterable[str] = ()
) -> None:
    node.expect(required=("provider", "pricing_url", "currency", *required), optional=optional)
    if node.text("currency") != "USD":
        raise node.error(
            "Only USD is known.", "Convert the prices, or extend units.py.", "currency"
        )


def _prices(parent: Node, part: str) -> list[Plain]:
    """The series' prices, checked to run forward in time without two on one day."""
    found: list[Plain] = []
    for node in parent.nodes("prices"):
        node.expect(
            required=(*_DATES, *_MONEY[part]), optional=(*_MORE_MONEY[part], "note", "dated")
        )
        start, checked = node.day("from"), node.day("checked")
        if checked < start:
            raise node.error(f"Checked on {checked}, before {start}.", "Mend a date.", "checked")
        if found and start <= found[-1]["valid_from"]:
            raise node.error(
                f"The price from {start} does not come after the one from "
                f"{found[-1]['valid_from']}.",
                "Append newer prices at the end; never change an old one.",
                "from",
            )
        if not node.text("source"):
            raise node.error("A price needs its source.", "Name an id of sources.yaml.", "source")
        money = [key for key in (*_MONEY[part], *_MORE_MONEY[part]) if node.has(key)]
        price: Plain = {
            "valid_from": start,
            **{key: node.money(key) for key in money},
            "checked": checked,
            "source": node.text("source"),
            "is_dated": node.yes("dated", default=True),
        }
        if node.has("note"):
            price["note"] = node.text("note")
        found.append(price)
    if not found:
        raise parent.error("A series needs a price.", "Add one.", "prices")
    return found
