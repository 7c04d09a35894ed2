"""Prices from dstack's gpuhunt: one zipped CSV file per provider, published every hour.

RunPod's file does not tell community from secure machines, and Google's does not agree with its
price list; neither is taken.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Container
from datetime import date
from functools import partial

from advisor.catalog.refresh.download import LIMIT_BYTES, fetch
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
from advisor.errors import CatalogError

ID = "gpuhunt"
SOURCE = "fetched from gpuhunt"
URL = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3"
PROVIDERS = {
    "aws": "aws",
    "azure": "azure",
    "cloudrift": "cloudrift",
    "lambdalabs": "lambda",
    "nebius": "nebius",
    "oci": "oci",
    "verda": "verda",
}
_COLUMNS = ("instance_name", "location", "price", "gpu_count", "gpu_name", "gpu_memory", "spot")
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,80}")


def gather(url: str, timeout_seconds: float, as_of: str, without: Container[str]) -> Haul:
    """What the files of the providers not in `without` quote; one that fails is told."""
    haul = Haul(url)
    for slug in (slug for slug, provider in PROVIDERS.items() if provider not in without):
        haul.attempt(partial(_read_provider, haul, slug, timeout_seconds, as_of))
    return haul


def _read_provider(haul: Haul, slug: str, timeout_seconds: float, as_of: str) -> None:
    told = fetch(f"{haul.url}/{slug}/version", timeout_seconds).content.decode("utf-8", "replace")
    version = told.strip()
    if not _VERSION.fullmatch(version):
        raise CatalogError(
            f"gpuhunt's version of {slug} is unreadable: {version[:40]!r}.", hint="Try again later."
        )
    found = fetch(f"{haul.url}/{slug}/{version}/catalog.zip", timeout_seconds)
    rows = csv.DictReader(io.StringIO(_unzipped(found.content, slug), newline=""))
    require_columns(rows.fieldnames, _COLUMNS, f"{slug}.csv of gpuhunt")
    checked = _published(version, as_of)
    for row in rows:
        quote = _quote(haul, PROVIDERS[slug], row, checked)
        if quote is not None:
            haul.quotes.append(quote)
    haul.providers.add(PROVIDERS[slug])
    haul.files += 1
    haul.unchanged_files += found.is_unchanged


def _unzipped(content: bytes, slug: str) -> str:
    why = f"it would unpack to more than {LIMIT_BYTES} bytes"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            told = archive.getinfo(f"{slug}.csv")
            if told.file_size <= LIMIT_BYTES:
                return archive.read(told).decode("utf-8", errors="replace")
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, NotImplementedError) as error:
        why = str(error)
    raise CatalogError(
        f"gpuhunt's catalog.zip of {slug} is broken: {why}.", hint="Try again later."
    )


def _published(version: str, as_of: str) -> str:
    """The day in a version such as 20261125-1234, or the day of the fetch; never a later one."""
    digits = version[:8]
    try:
        return min(date.fromisoformat(digits).isoformat(), as_of) if digits.isdigit() else as_of
    except ValueError:
        return as_of


def _quote(haul: Haul, provider: str, row: dict[str, str], checked: str) -> GpuQuote | None:
    name, instance, count = row["gpu_name"] or "", row["instance_name"], whole(row["gpu_count"])
    if not name or not count or "dws" in (row.get("flags") or ""):
        return None
    told = amount(row["gpu_memory"])
    memory_gb = float(told) if told else None
    card = _azure_variant(name, instance) if provider == "azure" else instance
    gpu = gpu_id(name, memory_gb, card)
    if gpu is None:
        haul.unknown.add(described(name, memory_gb))
        return None
    usd = per_gpu(amount(row["price"]), count)
    if usd is None:
        return None
    kind = "spot" if row["spot"].strip().lower() == "true" else "on_demand"
    return GpuQuote(provider, gpu, kind, count, row["location"] or "", instance, usd, checked)


def _azure_variant(name: str, instance: str) -> str:
    """Azure's NC machines hold cards in slots, and say so only by their letters."""
    if not instance.startswith("Standard_NC"):
        return instance
    return "nvl" if name == "H100" else "pcie"
