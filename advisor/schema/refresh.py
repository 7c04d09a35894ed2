"""What came of fetching current prices: by source, and what changed."""

from __future__ import annotations

from typing import Literal

from advisor.schema.base import Usd, Value


class PriceChange(Value):
    """A price that is not what was known before."""

    change: Literal["added", "dearer", "cheaper", "gone"]
    part: Literal["offers", "inference"]
    source: str
    provider: str
    item: str
    """Catalog id of the GPU, or the model's name."""
    kind: str = ""
    """Of an offer: on demand, spot, community."""
    gpus: int = 1
    unit: Literal["GPU-hour", "million input tokens", "million output tokens"]
    usd_before: Usd | None = None
    usd_now: Usd | None = None
    percent: float | None = None
    """Against the price before; None where there was none or is none."""
    before_checked: str = ""
    before_source: str = ""


class RefreshedSource(Value):
    """How fetching from one source went."""

    id: str
    url: str
    state: Literal["fetched", "partly", "failed"]
    files: int = 0
    """Downloads that were read."""
    unchanged_files: int = 0
    """Of those, as they were at the last fetch, by the server's word."""
    failures: tuple[str, ...] = ()
    """One sentence for each download that could not be had or read."""
    prices: int = 0
    """Kept, the cheapest region of each kind of machine."""
    unknown: tuple[str, ...] = ()
    """GPUs that the catalog does not know; their prices are left out."""


class CatalogRefresh(Value):
    """What `advisor catalog refresh` did."""

    as_of: str
    sources: tuple[RefreshedSource, ...] = ()
    changes: tuple[PriceChange, ...] = ()
    same: int = 0
    """Prices seen again as they were."""
    kept_in: str = ""
    """The user's own file of series; the installed catalog is never changed."""
    forgotten: bool = False
