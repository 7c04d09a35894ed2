"""Prices per token from pydantic's genai-prices: one JSON file, models by provider."""

from __future__ import annotations

import json
from collections.abc import Container
from decimal import Decimal
from functools import partial
from typing import Any

from advisor.catalog.refresh.download import fetch
from advisor.catalog.refresh.quotes import Haul, TokenQuote
from advisor.errors import CatalogError

ID = "genai-prices"
SOURCE = "fetched from genai-prices"
URL = "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices"
PROVIDERS = {
    "anthropic": "anthropic",
    "aws": "aws-bedrock",
    "azure": "azure-openai",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "google": "google",
    "groq": "groq",
    "mistral": "mistral",
    "moonshotai": "moonshot",
    "openai": "openai",
    "together": "together",
    "x-ai": "xai",
}
"""Sellers themselves, by the source's id; resellers and editors quote the same prices again."""

Plain = dict[str, Any]


def gather(url: str, timeout_seconds: float, as_of: str, without: Container[str]) -> Haul:  # noqa: ARG001 - GPUs only
    """What calling the known providers' models costs."""
    haul = Haul(url)
    haul.attempt(partial(_read, haul, timeout_seconds, as_of))
    return haul


def _read(haul: Haul, timeout_seconds: float, as_of: str) -> None:
    found = fetch(f"{haul.url}/data.json", timeout_seconds)
    try:
        content = json.loads(found.content, parse_float=Decimal)
        told = [p for p in content if p["id"] in PROVIDERS]
        quotes = [q for p in told for model in p["models"] for q in _quotes(p["id"], model, as_of)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CatalogError(
            f"data.json of genai-prices cannot be read: {type(error).__name__} {error}.",
            hint="Update advisor, or leave this source out with --source.",
        ) from error
    haul.token_quotes += quotes
    haul.providers |= {quote.provider for quote in quotes}
    haul.files += 1
    haul.unchanged_files += found.is_unchanged


def _quotes(provider: str, model: Plain, as_of: str) -> list[TokenQuote]:
    """The model's price, and that of longer prompts where there is one."""
    prices = _in_force(model["prices"], as_of)
    sides = (prices.get("input_mtok"), prices.get("output_mtok"))
    if model.get("deprecated") or None in sides:
        return []
    limits = {0, *(int(t["start"]) for s in sides if isinstance(s, dict) for t in s["tiers"])}
    found = []
    for limit in sorted(limits):
        given, written = (_at(side, limit) for side in sides)
        kept = prices.get("cache_read_mtok")
        if given > 0 and written > 0:
            kept_usd = _at(kept, limit) if kept is not None else None
            name = str(model["id"])
            found.append(
                TokenQuote(PROVIDERS[provider], name, limit, given, written, kept_usd, as_of)
            )
    return found


def _in_force(prices: Plain | list[Plain], as_of: str) -> Plain:
    """The prices of a day: the last whose start has come. Prices for an hour of the day are not."""
    if isinstance(prices, dict):
        return prices
    found: Plain = {}
    for entry in prices:
        constraint = entry.get("constraint") or {}
        if set(constraint) <= {"start_date"} and str(constraint.get("start_date", "")) <= as_of:
            found = entry["prices"]
    return found


def _at(price: Any, limit: int) -> Decimal:
    """The price for prompts longer than a limit."""
    if not isinstance(price, dict):
        return Decimal(str(price))
    found = price["base"]
    for tier in sorted(price["tiers"], key=lambda t: int(t["start"])):
        if int(tier["start"]) <= limit:
            found = tier["price"]
    return Decimal(str(found))
