"""Prices per token on a given day: having a model tuned, and calling one."""

from __future__ import annotations

from functools import cache
from typing import Any

from advisor.catalog.compiled import compiled
from advisor.catalog.load import catalog_root, files_in, read
from advisor.catalog.series import Plain, hosted_series, on_day
from advisor.schema.catalog import HostedTuning, InferencePrice


def hosted_tuning(as_of: str) -> tuple[HostedTuning, ...]:
    """What providers ask on a day for tuning a model, by provider and model."""
    found = [HostedTuning(**told) for told in _valid("tuning", as_of)]
    return tuple(sorted(found, key=lambda h: (h.provider, h.model)))


def inference_prices(as_of: str) -> tuple[InferencePrice, ...]:
    """What providers ask on a day for calling a model, base or tuned, by provider and model."""
    found = [InferencePrice(**told) for told in _valid("inference", as_of)]
    return tuple(sorted(found, key=lambda p: (p.provider, p.model, p.is_tuned)))


def _valid(part: str, as_of: str) -> list[Plain]:
    told = [on_day(series, as_of) for series in hosted() if series["part"] == part]
    return [_without_part(entry) for entry in told if entry is not None]


def _without_part(entry: Plain) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "part"}


@cache
def hosted() -> list[Plain]:
    """Every series of a price per token, with `part` saying which of the two it is."""
    return compiled(
        "hosted",
        files_in(catalog_root() / "hosted"),
        lambda file: [
            {"part": part} | series
            for part in ("tuning", "inference")
            for series in hosted_series(read(file), part)
        ],
    )
