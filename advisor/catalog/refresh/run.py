"""Fetches from every source asked for and keeps what came, whole or not at all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

from advisor.catalog.overlay import overlay, write_overlay
from advisor.catalog.refresh import NAMES, genai, gpuhunt, skypilot
from advisor.catalog.refresh.merge import Merger
from advisor.catalog.refresh.quotes import Haul
from advisor.errors import CatalogError
from advisor.schema.refresh import CatalogRefresh, PriceChange, RefreshedSource

SOURCES = (gpuhunt, skypilot, genai)
ORDER = ("gone", "dearer", "cheaper", "added")


def refresh(
    as_of: str,
    *,
    sources: Sequence[str] = NAMES,
    urls: Mapping[str, str] | None = None,
    timeout_seconds: float = 20.0,
    told: Callable[[str], None] = lambda _: None,
) -> CatalogRefresh:
    """Append current prices to the user's own series.

    `told` hears which source is being read. Sources that fail are told in the result as long as one
    gave prices. Raises CatalogError when none did, StorageError when the series cannot be written;
    then nothing has changed.
    """
    series = copy.deepcopy(overlay())
    outcomes: list[RefreshedSource] = []
    changes: list[PriceChange] = []
    read: set[str] = set()
    same = 0
    for module in SOURCES:
        if module.ID not in sources:
            continue
        told(f"Reading {module.ID} …")
        url = (urls or {}).get(module.ID, module.URL).rstrip("/")
        haul = module.gather(url, timeout_seconds, as_of, read)
        merger = Merger(module.ID, module.SOURCE, as_of)
        if haul.quotes or haul.token_quotes:
            series["offers"] = merger.offers(series["offers"], haul)
            series["inference"] = merger.inference(series["inference"], haul)
            read |= {quote.provider for quote in haul.quotes}
        outcomes.append(_outcome(module.ID, haul))
        changes += merger.changes
        same += merger.same
    if not any(outcome.prices for outcome in outcomes):
        raise _nothing(outcomes)
    place = write_overlay(series)
    changes.sort(key=lambda c: (ORDER.index(c.change), -abs(c.percent or 0), c.provider, c.item))
    return CatalogRefresh(
        as_of=as_of,
        sources=tuple(outcomes),
        changes=tuple(changes),
        same=same,
        kept_in=str(place),
    )


def _outcome(name: str, haul: Haul) -> RefreshedSource:
    prices = len(haul.cheapest()) + len(haul.token_quotes)
    failures = list(haul.failures)
    if not prices and not failures:
        failures.append("It holds no price for a GPU or provider that the catalog knows.")
    state = "failed" if not prices else "partly" if failures else "fetched"
    return RefreshedSource(
        id=name,
        url=haul.url,
        state=state,
        files=haul.files,
        unchanged_files=haul.unchanged_files,
        failures=tuple(failures),
        prices=prices,
        unknown=tuple(sorted(haul.unknown)),
    )


def _nothing(outcomes: Sequence[RefreshedSource]) -> CatalogError:
    """One sentence for a fetch that brought nothing."""
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    more = f" (and {len(failures) - 1} more failures)" if len(failures) > 1 else ""
    return CatalogError(
        f"No current prices, nothing has changed: {failures[0].removesuffix('.')}{more}.",
        hint="Check the connection, or name a mirror with --url SOURCE=URL; "
        "`advisor catalog show prices` lists the prices at hand with their ages.",
        where=", ".join(outcome.id for outcome in outcomes),
    )
