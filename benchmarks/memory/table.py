"""Reads published tables and summarises errors."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.memory.cells import number

_DECIMAL_WORDS = ("gb1e9", "1e9", "decimal", "gb10", "/1e9", "10^9", "10**9")
ABOVE_MARGIN = 1.05


def read(path: Path) -> list[dict[str, str]]:
    """All rows of a comma-separated table."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def configs(paths: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Model name -> its shape; the first line of a model counts."""
    found: dict[str, dict[str, str]] = {}
    for path in paths:
        for row in read(path):
            name = (row.get("model") or row.get("name") or row.get("model_id") or "").strip()
            if name:
                found.setdefault(name, row)
    return found


def keyed(paths: Sequence[Path]) -> Iterator[tuple[str, dict[str, str]]]:
    """Rows with an id each: their own, or their line; repeated ids are numbered."""
    seen: dict[str, int] = {}
    rows = (row for path in paths for row in read(path))
    for index, row in enumerate(rows):
        name = (row.get("id") or "").strip() or f"row{index + 2}"
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}#{seen[name]}"), row


def measured_gib(row: dict[str, str]) -> float | None:
    """The published peak in GiB; decimal gigabytes only where the row says so."""
    gib = number(row.get("peak_gib"))
    if gib:
        return gib
    said = number(row.get("peak_mem_gb"))
    text = f"{row.get('mem_kind') or ''} {row.get('notes') or ''}".lower()
    is_decimal = any(word in text for word in _DECIMAL_WORDS)
    return said * (1e9 / 1024**3 if is_decimal else 1.0) if said else None


def quantile(values: Sequence[float], share: float) -> float:
    """Linearly interpolated quantile of at least one value."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * share
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def summary(scored: Sequence[tuple[float, float, float, float]]) -> dict[str, Any]:
    """Errors of (measured, likely, low, high); empty where there is nothing to sum up."""
    if not scored:
        return {"n": 0}
    errors = [likely / measured - 1 for measured, likely, _, _ in scored]
    sizes = [abs(error) for error in errors]
    total = len(scored)
    return {
        "n": total,
        "median_abs": round(statistics.median(sizes), 4),
        "p90_abs": round(quantile(sizes, 0.9), 4),
        "bias": round(statistics.median(errors), 4),
        "under5": round(sum(error < -0.05 for error in errors) / total, 4),
        "coverage": round(sum(lo <= m <= hi for m, _, lo, hi in scored) / total, 4),
        "below_low": round(sum(m < lo for m, _, lo, _ in scored) / total, 4),
        "above_high": round(sum(m > hi for m, _, _, hi in scored) / total, 4),
        "above_high5": round(sum(m > hi * ABOVE_MARGIN for m, _, _, hi in scored) / total, 4),
    }
