"""What a source quotes, in the catalog's own words: which GPU, which kind of offer, which price."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache

from advisor.catalog.names import plain
from advisor.catalog.query import gpus_by_name
from advisor.catalog.refresh.download import DownloadError
from advisor.errors import CatalogError

_VARIANTS = ("pcie", "nvl", "sxm")
_MEMORY_TOLERANCE = 0.12
"""Nominal memory against what the driver reports: 288 GB are 268.6 GiB."""
CHEAPEST_USD = Decimal("0.03")
"""Below this an hour on a GPU is a placeholder, not a price."""
DEAREST_USD = Decimal(200)


@dataclass(frozen=True)
class GpuQuote:
    """A price for an hour on one GPU of a machine."""

    provider: str
    gpu: str
    kind: str
    gpus: int
    region: str
    instance: str
    usd_per_gpu_hour: Decimal
    checked: str

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What makes two quotes the same thing."""
        return (self.provider, self.gpu, self.kind, self.gpus)


@dataclass(frozen=True)
class TokenQuote:
    """Prices for calling a model."""

    provider: str
    model: str
    above_prompt_tokens: int
    usd_per_million_input_tokens: Decimal
    usd_per_million_output_tokens: Decimal
    usd_per_million_cached_tokens: Decimal | None
    checked: str


@dataclass
class Haul:
    """What one source gave."""

    url: str
    quotes: list[GpuQuote] = field(default_factory=list)
    token_quotes: list[TokenQuote] = field(default_factory=list)
    providers: set[str] = field(default_factory=set)
    """Providers whose prices were read whole, so that what is missing is gone."""
    files: int = 0
    unchanged_files: int = 0
    failures: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    is_unreachable: bool = False

    def attempt(self, read: Callable[[], None]) -> None:
        """Read one file; what is wrong with it is kept as a sentence, the other files go on.

        Once the server does not answer at all, nothing more is asked of it.
        """
        if self.is_unreachable:
            return
        try:
            read()
        except DownloadError as error:
            self.failures.append(error.message)
            self.is_unreachable = error.is_unreachable
        except CatalogError as error:
            self.failures.append(error.message)

    def cheapest(self) -> list[GpuQuote]:
        """One quote for each thing: that of its cheapest region."""
        best: dict[tuple[str, str, str, int], GpuQuote] = {}
        for quote in self.quotes:
            known = best.get(quote.key)
            if known is None or quote.usd_per_gpu_hour < known.usd_per_gpu_hour:
                best[quote.key] = quote
        return list(best.values())


@cache
def gpu_id(name: str, memory_gb: float | None, instance: str = "") -> str | None:
    """The catalog's GPU behind a source's name; None when none has that name and memory.

    Sources say `H100` for three cards: the machine's own name or the memory tells them apart.
    """
    if not name:
        return None
    known = gpus_by_name()
    memory = f"{memory_gb:g}GB" if memory_gb else ""
    variant = next((word for word in _VARIANTS if word in plain(instance)), "")
    tries = (f"{name} {variant} {memory}", f"{name} {memory}", f"{name} {variant}", name)
    for spelling in tries if variant else (f"{name} {memory}", name):
        card = known.get(plain(spelling))
        if card is None:
            continue
        reported = float(card["memory_gib"])
        if memory_gb is None or abs(reported - memory_gb) <= _MEMORY_TOLERANCE * reported:
            return str(card["id"])
    return None


def described(name: str, memory_gb: float | None) -> str:
    """A card that the catalog does not know, in words."""
    return f"{name} with {memory_gb:g} GB" if memory_gb else name


def amount(text: str | None) -> Decimal | None:
    """An amount of money above nothing; None for anything else."""
    try:
        found = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and found > 0 else None


def per_gpu(price: Decimal | None, gpus: int) -> Decimal | None:
    """A machine's price shared by its GPUs; None where it cannot be a price."""
    if price is None or gpus < 1:
        return None
    shared = (price / gpus).quantize(Decimal("0.0001"))
    return shared if CHEAPEST_USD <= shared <= DEAREST_USD else None


def whole(text: str | None) -> int:
    """A whole number of GPUs; 0 for a part of one, or for nothing."""
    try:
        found = float(text or 0)
    except ValueError:
        return 0
    return int(found) if found.is_integer() and found > 0 else 0


def require_columns(found: Iterable[str] | None, needed: tuple[str, ...], name: str) -> None:
    """Raises CatalogError when a table lacks a column: the source has changed its format."""
    missing = [column for column in needed if column not in set(found or ())]
    if missing:
        raise CatalogError(
            f"{name} has no column {', '.join(missing)}: its format has changed.",
            hint="Update advisor, or leave this source out with --source.",
            where=name,
        )
