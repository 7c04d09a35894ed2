"""Prices per token from the table that comes with the package genai-prices; nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

from advisor.schema.base import Provenance
from advisor.schema.purse import TokenPrice

PACKAGE = "genai-prices"
HOURS = tuple(range(24))
SOLD = ("openai", "anthropic")
"""Backends that are named after a seller."""


class Side(NamedTuple):
    """Dollars per million tokens of one kind, and what they are above some length of prompt."""

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...]


def snapshot_price(model: str, address: str, provider: str, day: str) -> TokenPrice | None:
    """The price that held on a day, by the seller at an address (or of a backend's name).

    Prices that hang on the hour are taken at the dearest. None where the package is not installed,
    does not know seller or model, or where calls cost something beyond their tokens.
    """
    if find_spec("genai_prices") is None:
        return None
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - 0.4 s

    seller = None if address else (provider if provider in SOLD else None)
    if not address and seller is None:
        return None
    try:
        _, found = get_snapshot().find_provider_model(model, None, seller, address or None)
    except LookupError:
        return None
    on = date.fromisoformat(day)
    at_hours = [_sides(found.get_prices(datetime.combine(on, time(h), UTC))) for h in HOURS]
    known = [sides for sides in at_hours if sides is not None]
    if len(known) < len(HOURS):
        return None
    prompt = max((sides[0] for sides in known), key=lambda side: side.base)
    completion = max((sides[1] for sides in known), key=lambda side: side.base)
    notes = [*_above(prompt, "prompt"), *_above(completion, "completion")]
    if len(set(known)) > 1:
        notes.insert(0, "at the dearest hour")
    return TokenPrice(
        prompt_usd_per_million=float(prompt.base),
        completion_usd_per_million=float(completion.base),
        provenance=Provenance(
            kind="table",
            source=f"{PACKAGE} {version(PACKAGE)}",
            note="; ".join([f"as {found.id}", *notes]),
        ),
    )


def _sides(price: Any) -> tuple[Side, Side] | None:
    """Prompt and completion; None where one is unknown or each request costs something."""
    if price.requests_kcount or price.input_mtok is None or price.output_mtok is None:
        return None
    return _side(price.input_mtok), _side(price.output_mtok)


def _side(price: Any) -> Side:
    if isinstance(price, Decimal | int | float):
        return Side(Decimal(price), ())
    return Side(price.base, tuple((tier.start, tier.price) for tier in price.tiers))


def _above(side: Side, kind: str) -> Iterable[str]:
    for start, dollars in side.tiers:
        yield f"{kind} {dollars} above {start} tokens"
