"""Prices from SkyPilot's catalog: one CSV file per cloud, machines by region.

Taken are the clouds whose files are written anew every day or so; others stood unchanged for months
while prices moved (Nebius) or hold placeholders. Google's file bills GPU and machine apart.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container
from functools import partial

from advisor.catalog.refresh.download import fetch
from advisor.catalog.refresh.quotes import (
    GpuQuote,
    Haul,
    amount,
    described,
    gpu_id,
    per_gpu,
    require_columns,
    whole,
)

ID = "skypilot"
SOURCE = "fetched from skypilot"
URL = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8"
CLOUDS = ("aws", "runpod", "seeweb", "shadeform", "vast", "verda")
_COLUMNS = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region")
_RESOLD = {
    "crusoe": "crusoe",
    "denvr": "denvr",
    "excesssupply": "excess-supply",
    "hyperstack": "hyperstack",
    "massedcompute": "massed-compute",
    "paperspace": "paperspace",
    "scaleway": "scaleway",
}
"""Sellers behind Shadeform's machines, by the first word of a machine's name; others have files."""
_NAME = re.compile(r"""["']Name["']: *["']([^"']+)""")
_SIZE = re.compile(r"""["']SizeInMiB["']: *(\d+)""")
_MIB_PER_GIB = 1024


def gather(url: str, timeout_seconds: float, as_of: str, without: Container[str]) -> Haul:
    """What the files of the clouds not in `without` quote; one that fails is told and left out."""
    haul = Haul(url)
    for cloud in (cloud for cloud in CLOUDS if cloud not in without):
        haul.attempt(partial(_read_cloud, haul, cloud, timeout_seconds, as_of))
    return haul


def _read_cloud(haul: Haul, cloud: str, timeout_seconds: float, as_of: str) -> None:
    found = fetch(f"{haul.url}/{cloud}/vms.csv", timeout_seconds)
    text = found.content.decode("utf-8", errors="replace")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    require_columns(rows.fieldnames, _COLUMNS, f"{cloud}/vms.csv of SkyPilot's catalog")
    quotes = [quote for row in rows for quote in _quotes(haul, cloud, row, as_of)]
    haul.quotes += quotes
    haul.providers |= {quote.provider for quote in quotes}
    haul.files += 1
    haul.unchanged_files += found.is_unchanged


def _quotes(haul: Haul, cloud: str, row: dict[str, str], as_of: str) -> list[GpuQuote]:
    name, instance = row["AcceleratorName"] or "", row["InstanceType"] or ""
    count = whole(row["AcceleratorCount"])
    provider = _RESOLD.get(instance.partition("_")[0]) if cloud == "shadeform" else cloud
    if not name or not count or provider is None:
        return []
    info = row.get("GpuInfo") or ""
    memory_gb = _memory_gb(cloud, info, count)
    gpu = _gpu(name, instance, info, memory_gb)
    if gpu is None:
        haul.unknown.add(described(name, memory_gb))
        return []
    price, spot = amount(row["Price"]), amount(row.get("SpotPrice"))
    told = [(_kind(cloud, instance), per_gpu(price, count))]
    if spot is not None and (price is None or spot < price):
        told.append(("spot", per_gpu(spot, count)))
    return [
        GpuQuote(provider, gpu, kind, count, row["Region"] or "", instance, usd, as_of)
        for kind, usd in told
        if usd is not None
    ]


def _kind(cloud: str, instance: str) -> str:
    if cloud == "vast" or instance.endswith("COMMUNITY"):
        return "community"
    return "on_demand"


def _memory_gb(cloud: str, info: str, count: int) -> float | None:
    """Memory of one card, as far as the details tell it."""
    size = _SIZE.search(info)
    if size is None:
        return None
    mib = float(size[1]) / (count if cloud == "vast" else 1)
    # Some files write gigabytes into the field of mebibytes.
    return mib if mib < _MIB_PER_GIB else round(mib / _MIB_PER_GIB)


def _gpu(name: str, instance: str, info: str, memory_gb: float | None) -> str | None:
    """The card by the name in the details, which tells variants apart, or by the plain one."""
    detailed = _NAME.search(info)
    return (gpu_id(detailed[1], memory_gb, instance) if detailed else None) or gpu_id(
        name, memory_gb, instance
    )
