"""What a served model's tokens cost: the user's own file, this machine, genai-prices, the catalog.

The first of these that knows the model is believed; a price that nobody knows stays unknown.
"""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from advisor.catalog.hosted import inference_prices
from advisor.catalog.names import plain
from advisor.schema.base import Provenance
from advisor.schema.catalog import InferencePrice
from advisor.schema.purse import TokenPrice

ADDRESSES = {
    "openai": ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    "anthropic": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
}
"""Where a backend asks unless told otherwise: the variable, and the usual address."""
DATED = re.compile(r"-(?:20\d{2}-?\d{2}-?\d{2})$")
LOOPBACK = re.compile(r"127(\.\d{1,3}){3}")
TUNED = re.compile(r"^ft:([^:]+)")


def token_price(
    model: str,
    *,
    provider: str = "",
    base_url: str = "",
    prices_file: Path | None = None,
    as_of: date | str,
) -> TokenPrice | None:
    """The price on a day, or None when nobody knows it.

    `provider` is the backend; `base_url` is where it asks, by default what its variable or custom
    says. Raises CatalogError for a price file that cannot be used.
    """
    usual = ADDRESSES.get(provider)
    address = base_url or (os.environ.get(usual[0]) or usual[1] if usual else "")
    host = (urlsplit(address).hostname or "").lower()
    day = str(as_of)
    if prices_file is not None:
        from advisor.catalog.own_prices import own_price  # noqa: PLC0415 - few have such a file

        own = own_price(prices_file, model, host, day)
        if own is not None:
            return own
    if is_this_machine(host):
        return TokenPrice(
            prompt_usd_per_million=0.0,
            completion_usd_per_million=0.0,
            provenance=Provenance(
                kind="computed", source="this machine", note="power and wear are not counted"
            ),
        )
    from advisor.catalog.genai_snapshot import snapshot_price  # noqa: PLC0415 - takes its time

    return snapshot_price(model, address, provider, day) or _catalog_price(
        model, host, provider, day
    )


def is_this_machine(host: str) -> bool:
    """Whether a host's name can only mean the machine one sits at."""
    names = ("localhost", "::1", "0.0.0.0")  # noqa: S104 - recognised, not bound
    return host in names or bool(LOOPBACK.fullmatch(host))


def _catalog_price(model: str, host: str, provider: str, day: str) -> TokenPrice | None:
    """The dated price of the seller whose name is in the address."""
    tuned = TUNED.match(model)
    name = DATED.sub("", tuned.group(1) if tuned else model)
    wanted = {plain(name), plain(name.rpartition("/")[2])}
    words = set(re.split(r"[.\-]", host)) if host else {provider}
    found = [
        price
        for price in inference_prices(day)
        if price.provider in words
        and price.is_tuned == bool(tuned)
        and plain(price.model) in wanted
    ]
    base = [price for price in found if not price.above_prompt_tokens]
    return _told(base[0], found) if base else None


def _told(price: InferencePrice, tiers: list[InferencePrice]) -> TokenPrice:
    above = [
        f"above {tier.above_prompt_tokens} prompt tokens {tier.usd_per_million_input_tokens} and "
        f"{tier.usd_per_million_output_tokens}"
        for tier in tiers
        if tier.above_prompt_tokens
    ]
    return TokenPrice(
        prompt_usd_per_million=float(price.usd_per_million_input_tokens),
        completion_usd_per_million=float(price.usd_per_million_output_tokens),
        provenance=Provenance(
            kind="table",
            source=price.source,
            as_of=price.checked,
            note="; ".join(filter(None, [price.note, *above])),
        ),
    )
