"""Prices per token on a given day: having a model tuned, and calling one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from advisor.catalog.compiled import compiled
from advisor.catalog.load import catalog_root, files_in
from advisor.catalog.overlay import overlay
from advisor.catalog.series import Plain, on_day
from advisor.schema.catalog import HostedTuning, InferencePrice


def hosted_tuning(as_of: str) -> tuple[HostedTuning, ...]:
    """What providers ask on a day for tuning a model, by provider and model."""
    found = [HostedTuning(**told) for told in _valid("tuning", as_of)]
    return tuple(sorted(found, key=lambda h: (h.provider, h.model)))


def inference_prices(as_of: str) -> tuple[InferencePrice, ...]:
    """What providers ask on a day for calling a model, base or tuned, by provider and model.

    A price the user fetched displaces an older one of the catalog.
    """
    latest: dict[tuple[Any, ...], Plain] = {}
    for told in (*_valid("inference", as_of), *_fetched(as_of)):
        key = tuple(told[name] for name in ("provider", "model", "is_tuned", "above_prompt_tokens"))
        if key not in latest or told["checked"] >= latest[key]["checked"]:
            latest[key] = told
    found = [InferencePrice(**told) for told in latest.values()]
    return tuple(sorted(found, key=lambda p: (p.provider, p.model, p.is_tuned)))


def _fetched(as_of: str) -> list[Plain]:
    told = [on_day(series, as_of) for series in overlay()["inference"]]
    return [_without(entry, "fetched_from") for entry in told if entry is not None]


def _valid(part: str, as_of: str) -> list[Plain]:
    told = [on_day(series, as_of) for series in hosted() if series["part"] == part]
    return [_without(entry, "part") for entry in told if entry is not None]


def _without(entry: Plain, name: str) -> Plain:
    return {key: value for key, value in entry.items() if key != name}


@cache
def hosted() -> list[Plain]:
    """Every series of a price per token, with `part` saying which of the two it is."""

    def build(file: Path) -> list[Plain]:
        from advisor.catalog.build import entries  # noqa: PLC0415 - only to rebuild the cache

        return entries("hosted", file)

    return compiled("hosted", files_in(catalog_root() / "hosted"), build)
