"""Makes the catalog's plain entries from its files, when the cache does not have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from advisor.catalog.entries import Named, gpu_from, recipe_from, stack_from
from advisor.catalog.load import read
from advisor.catalog.models import models_from
from advisor.catalog.names import plain
from advisor.catalog.series import hosted_series, offer_series
from advisor.catalog.tiers import tiers_entry

Plain = dict[str, Any]
DEFAULT_STACK = "stock"
"""What other stacks are told apart from."""


def entries(kind: str, file: Path) -> list[Plain]:
    """The entries of one file of a kind: models, gpus, stacks, recipes, prices or hosted.

    Raises CatalogError with file and line when the file is wrong.
    """
    node = read(file)
    if kind == "models":
        # One of a hundred is asked for, so cards stay text until then.
        return [model | {"card": json.dumps(model["card"])} for model in models_from(node)]
    if kind == "gpus":
        return [_named(gpu_from(node))]
    if kind == "stacks":
        stock = file.with_name(f"{DEFAULT_STACK}.yaml")
        base = None if file == stock else stack_from(read(stock))
        return [stack_from(node, base).model_dump(mode="json")]
    if kind in ("tiers", "recipes"):
        return [tiers_entry(node) if kind == "tiers" else recipe_from(node).model_dump(mode="json")]
    if kind == "prices":
        return list(offer_series(node))
    parts = ("tuning", "inference")
    return [{"part": part} | series for part in parts for series in hosted_series(node, part)]


def _named(entry: Named) -> Plain:
    names = list(entry.names)
    return {
        "names": names,
        "plain": sorted({plain(name) for name in names}),
        "card": entry.card.model_dump(mode="json"),
    }
