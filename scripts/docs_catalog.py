"""The reference page of GPUs, models and prices."""

from __future__ import annotations

from collections.abc import Iterator

from advisor.catalog.query import (
    gpus,
    hosted_tuning,
    inference_prices,
    models,
    offers,
    providers,
    reference,
)
from advisor.errors import PriceMissingError
from advisor.schema.catalog import HostedTuning, InferencePrice, Offer
from advisor.schema.freshness import STALE_AFTER_DAYS
from scripts.docs_cells import cell, table

LATEST = "9999-12-31"
PRICE_HEAD = ("GPU", "provider", "kind", "GPUs", "US$ per GPU hour", "from", "checked")
HOSTED_HEAD = ("provider", "model", "ways", "US$ per million", "when called", "checked")
CALL_HEAD = ("provider", "model", "US$ per million in", "out", "checked")


def catalog_page() -> str:
    """Models, GPUs, prices and recipes with their sources and dates."""
    cards = [
        (
            c.id,
            c.parameters,
            c.layers,
            c.hidden_size,
            c.vocabulary_size,
            same_source(c.provenance.source),
        )
        for c in sorted(models(), key=lambda c: (c.parameters, c.id))
    ]
    by_memory = sorted(gpus(), key=lambda g: (g.memory_gib, g.id))
    sheets = [
        (
            g.id,
            g.memory_gib,
            g.bf16_tflops,
            g.fp16_tflops,
            g.fp8_tflops,
            g.bandwidth_gb_per_second,
            g.link_gb_per_second,
            g.power_watt,
            same_source(g.provenance.source),
        )
        for g in by_memory
    ]
    unpriced = ", ".join(g.id for g in by_memory if not latest_offers(g.id)) or "none"
    recipes = [
        (r.id, r.method, f"{key} = {cell(setting.value)}", setting.why, setting.source)
        for r in reference().recipes
        for key, setting in r.settings.items()
    ]
    gpu_head = ["GPU", "memory GiB", "bf16 TFLOP/s", "fp16", "fp8", "GB/s", "link GB/s", "watt"]
    card_head = ["model", "parameters", "layers", "hidden", "vocabulary", "source"]
    return "\n".join(
        [
            "# Catalog\n",
            f"Prices of {len(list(providers()))} providers; an offer is in force until a later one",
            f"of the same series. Prices checked over {STALE_AFTER_DAYS} days ago are reported",
            "as old, and those whose source has no date say so. `advisor catalog refresh` fetches",
            "current ones from open sources into your own series; the catalog stays as it is.\n",
            "## GPUs\n",
            table([*gpu_head, "source"], sheets),
            "## Models\n",
            table(card_head, cards),
            "## Prices\n",
            table(PRICE_HEAD, price_rows()),
            f"Without a price: {unpriced}.\n",
            "## Hosted tuning\n",
            table(HOSTED_HEAD, hosted_rows()),
            "## Calling hosted models\n",
            table(CALL_HEAD, call_rows()),
            "## Recipes\n",
            table(["recipe", "method", "setting", "why", "source"], recipes),
        ]
    )


def price_rows() -> Iterator[tuple[object, ...]]:
    """The latest price of every series, by GPU."""
    for gpu in sorted(gpus(), key=lambda g: (g.memory_gib, g.id)):
        for o in latest_offers(gpu.id):
            usd = f"{o.usd_per_gpu_hour}{' (GPU alone)' if o.is_gpu_only else ''}"
            yield gpu.id, o.provider, o.kind, o.gpus, usd, o.valid_from, day_of(o)


def hosted_rows() -> Iterator[tuple[object, ...]]:
    """The latest price of having each model tuned."""
    for h in hosted_tuning(LATEST):
        ways = ", ".join((*h.methods, *h.objectives))
        usd = h.usd_per_million_training_tokens
        yield h.provider, h.model, ways, usd, h.usd_per_million_input_tokens, day_of(h)


def call_rows() -> Iterator[tuple[object, ...]]:
    """The latest price of calling each model."""
    for p in inference_prices(LATEST):
        longer = f" over {p.above_prompt_tokens} tokens" if p.above_prompt_tokens else ""
        name = f"{p.model}{' (tuned)' if p.is_tuned else ''}{longer}"
        usd = (p.usd_per_million_input_tokens, p.usd_per_million_output_tokens)
        yield p.provider, name, *usd, day_of(p)


def day_of(price: Offer | HostedTuning | InferencePrice) -> str:
    """The day a price was checked, or that its source has none."""
    return price.checked if price.is_dated else "no date"


def latest_offers(gpu: str) -> tuple[Offer, ...]:
    """The newest offers of a GPU; none when the catalog has no price for it."""
    try:
        return offers(gpu, LATEST)
    except PriceMissingError:
        return ()


def same_source(text: str) -> str:
    """A source named once when every number of the entry has it."""
    named = {part.partition(": ")[2] for part in text.split("; ")}
    return named.pop() if len(named) == 1 and "" not in named else text


# --- plugins and documents --------------------------------------------------------------------
