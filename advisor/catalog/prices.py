"""What an hour on a GPU costs on a given day: the catalog's series and those the user fetched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any

from advisor.catalog.compiled import compiled
from advisor.catalog.load import catalog_root, files_in
from advisor.catalog.names import suggestion
from advisor.catalog.overlay import overlay
from advisor.catalog.series import on_day
from advisor.errors import PriceMissingError
from advisor.schema.catalog import Offer

LOCAL = "local"
"""This machine, where a GPU's name is asked for."""

Plain = dict[str, Any]
Key = tuple[str, str, str, int]


def own_offer(as_of: str) -> Offer:
    """The price of one's own machine: nothing."""
    return Offer(
        gpu=LOCAL,
        provider=LOCAL,
        kind="own",
        usd_per_gpu_hour=Decimal(0),
        valid_from=as_of,
        checked=as_of,
        source="own machine; power and wear are not counted",
    )


def offers(gpu: str, as_of: str, provider: str | None = None) -> tuple[Offer, ...]:
    """Dated offers of a GPU valid on a day, cheapest first.

    Offers of a GPU without the machine around it are left out where whole machines are offered.
    Raises PriceMissingError when the catalog has none.
    """
    if gpu == LOCAL:
        return (own_offer(as_of),)
    check_provider(provider)
    found = [o for o in _offers_of(gpu, as_of) if provider in {None, o.provider}]
    whole = [offer for offer in found if not offer.is_gpu_only]
    if not found:
        seller = f" from {provider}" if provider else ""
        raise PriceMissingError(
            f"The catalog has no price for {gpu}{seller} on {as_of}.",
            hint="Choose another GPU, provider or --as-of date; see `advisor catalog show prices`.",
        )
    return tuple(whole or found)


def all_offers(as_of: str) -> tuple[Offer, ...]:
    """Every offer valid on a day, by GPU and then by price."""
    return tuple(offer for gpu in sorted(_series_by_gpu()) for offer in _offers_of(gpu, as_of))


def providers() -> tuple[str, ...]:
    """Providers whose prices the catalog holds, or the user fetched."""
    fetched = {series["provider"] for series in overlay()["offers"]}
    return tuple(sorted({series["provider"] for series in catalog_series()} | fetched))


def check_provider(provider: str | None) -> None:
    """Raises PriceMissingError with a suggestion when the catalog knows no such provider."""
    if provider is not None and provider not in providers():
        raise PriceMissingError(
            f"Unknown provider '{provider}'.{suggestion(provider, providers())}",
            hint=f"Known: {', '.join(providers())}.",
        )


@cache
def catalog_series() -> list[Plain]:
    """The series of the installed catalog."""

    def build(file: Any) -> list[Plain]:
        from advisor.catalog.build import entries  # noqa: PLC0415 - only to rebuild the cache

        return entries("prices", file)

    return compiled("prices", files_in(catalog_root() / "prices"), build)


@cache
def _series_by_gpu() -> dict[str, list[Plain]]:
    found: dict[str, list[Plain]] = defaultdict(list)
    for series in (*catalog_series(), *overlay()["offers"]):
        found[series["gpu"]].append(series)
    return dict(found)


@cache
def _offers_of(gpu: str, as_of: str) -> tuple[Offer, ...]:
    told = newest(_series_by_gpu().get(gpu, ()), as_of)
    found = [Offer(**{k: v for k, v in entry.items() if k != "fetched_from"}) for entry in told]
    return tuple(sorted(found, key=lambda o: (o.usd_per_gpu_hour, o.provider, o.kind)))


def newest(series: Iterable[Plain], as_of: str) -> list[Plain]:
    """What is offered on a day; of catalog and fetched, the one checked later counts.

    They are told apart for each machine: same provider, GPU, kind and number of GPUs.
    """
    ours: list[tuple[Key, Plain]] = []
    dated: dict[Key, str] = {}
    fetched: dict[Key, tuple[str, Plain | None]] = {}
    for one in series:
        key = (one["provider"], one["gpu"], one["kind"], one["gpus"])
        told = on_day(one, as_of)
        if "fetched_from" in one:
            checked = _last_checked(one, as_of)
            if checked and (key not in fetched or checked > fetched[key][0]):
                fetched[key] = (checked, told)
        elif told is not None:
            ours.append((key, told))
            if told["is_dated"]:
                dated[key] = max(dated.get(key, ""), told["checked"])
    later = {key for key, (checked, _) in fetched.items() if checked >= dated.get(key, "")}
    return [
        *(told for key, told in ours if key not in later),
        *(told for key, (_, told) in fetched.items() if key in later and told is not None),
    ]


def _last_checked(series: Plain, as_of: str) -> str:
    """The day the series was last looked at, up to a day; nothing when it was not."""
    return max((p["checked"] for p in series["prices"] if p["valid_from"] <= as_of), default="")
