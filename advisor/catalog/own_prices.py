"""Reads a user's own file with prices per token.

prices:
  - model: my-model-*              # * and ? stand for anything
    usd_per_million_input_tokens: "0.20"
    usd_per_million_output_tokens: "0.60"
    host: llm.example.com          # only there; may be left out
    from: 2026-11-01               # from that day on; may be left out
    note: contract of November     # may be left out
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from pathlib import Path

from advisor.catalog.load import Node, read
from advisor.schema.base import Provenance
from advisor.schema.purse import TokenPrice

INPUT, OUTPUT = "usd_per_million_input_tokens", "usd_per_million_output_tokens"


def own_price(file: Path, model: str, host: str, day: str) -> TokenPrice | None:
    """The last entry of the file that fits model, host and day; None when none does.

    Raises CatalogError with line and path for a file that is not as it should be, whatever model
    is asked for.
    """
    content = read(file)
    content.expect(required=("prices",))
    found: TokenPrice | None = None
    for entry in content.nodes("prices"):
        price, start = _price(file, entry)
        is_here = not entry.has("host") or _fits(entry.text("host"), host)
        if is_here and start <= day and _fits(entry.text("model"), model):
            found = price
    return found


def _price(file: Path, entry: Node) -> tuple[TokenPrice, str]:
    entry.expect(required=("model", INPUT, OUTPUT), optional=("host", "from", "note"))
    start = entry.day("from") if entry.has("from") else ""
    price = TokenPrice(
        prompt_usd_per_million=_amount(entry, INPUT),
        completion_usd_per_million=_amount(entry, OUTPUT),
        provenance=Provenance(kind="table", source=file.name, as_of=start, note=entry.text("note")),
    )
    return price, start


def _amount(entry: Node, key: str) -> float:
    """Dollars, 0 for what is free; as text or as a number."""
    text = entry.text(key)
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise entry.error(f"'{text}' is no price.", 'Write dollars, like "1.25", or 0.', key)
    return float(amount)


def _fits(pattern: str, name: str) -> bool:
    """Whether a name is meant by another, in which * and ? stand for anything."""
    return fnmatchcase(name.lower(), pattern.lower())
