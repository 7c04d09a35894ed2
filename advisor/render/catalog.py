"""Shows a part of the catalog as a table."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from rich.console import Console
from rich.text import Text

from advisor.render.terminal import CAREFUL, UNKNOWN, make_table, plain, styled
from advisor.schema.catalog import CatalogView, Gpu, HostedTuning, InferencePrice, ModelCard, Offer
from advisor.schema.freshness import STALE_AFTER_DAYS, age_days
from advisor.units import short_count


class Dated(Protocol):
    """A price as far as its age goes."""

    @property
    def checked(self) -> str:
        """The day it was last looked at."""

    @property
    def source(self) -> str:
        """Where it comes from."""

    @property
    def is_dated(self) -> bool:
        """Whether the source says when it held."""


def show_catalog(console: Console, view: CatalogView) -> None:
    """GPUs, models, prices of GPUs or prices per token, one a line."""
    if view.gpus:
        _show_gpus(console, view.gpus)
    if view.models:
        _show_models(console, view.models)
    if view.offers:
        _show_offers(console, view.offers, view.prices_as_of)
    if view.hosted:
        _show_hosted(console, view.hosted, view.prices_as_of)
    if view.inference:
        _show_inference(console, view.inference, view.prices_as_of)
    prices: list[Dated] = [*view.offers, *view.hosted, *view.inference]
    if prices:
        _show_ages(console, prices, view.prices_as_of)


def _show_gpus(console: Console, gpus: Sequence[Gpu]) -> None:
    table = make_table(
        "GPU", "GiB", "16-bit", "fp8", "GB/s", "Link", "Watt", right=tuple(range(1, 7))
    )
    for gpu in gpus:
        rates = (gpu.bf16_tflops or gpu.fp16_tflops, gpu.fp8_tflops, gpu.bandwidth_gb_per_second)
        more = (gpu.link_gb_per_second, gpu.power_watt)
        table.add_row(plain(gpu.id), f"{gpu.memory_gib:.1f}", *map(_rate, (*rates, *more)))
    console.print(table)
    told = "Memory as the driver reports it; dense TFLOP/s (fp16 where there is no bf16); link"
    console.print(styled(f"{told} between GPUs, one way, in GB/s.", "dim"))


def _show_models(console: Console, models: Sequence[ModelCard]) -> None:
    table = make_table("Model", "Parameters", "Layers", "Hidden", "Vocabulary", right=(1, 2, 3, 4))
    for card in models:
        table.add_row(
            plain(card.id),
            short_count(card.parameters),
            str(card.layers),
            str(card.hidden_size),
            str(card.vocabulary_size),
        )
    console.print(table)


def _show_offers(console: Console, offers: Sequence[Offer], as_of: str) -> None:
    table = make_table("GPU", "Provider", "Kind", "GPUs", "$/GPU-hour", "Checked", right=(3, 4, 5))
    for offer in offers:
        usd = f"{offer.usd_per_gpu_hour:.3f}{'*' if offer.is_gpu_only else ''}"
        table.add_row(
            plain(offer.gpu),
            plain(offer.provider),
            plain(offer.kind),
            str(offer.gpus),
            usd,
            _age(offer, as_of),
        )
    console.print(table)
    if any(offer.is_gpu_only for offer in offers):
        console.print(styled("* The GPU alone; the machine around it is billed apart.", "dim"))


def _show_hosted(console: Console, hosted: Sequence[HostedTuning], as_of: str) -> None:
    table = make_table("Provider", "Tuned model", "Method", "Training", "Checked", right=(3, 4))
    for price in hosted:
        table.add_row(
            plain(price.provider),
            plain(price.model),
            plain(", ".join((*price.methods, *price.objectives)) if price.methods else "-"),
            _usd(price.usd_per_million_training_tokens),
            _age(price, as_of),
        )
    console.print(table)


def _show_inference(console: Console, prices: Sequence[InferencePrice], as_of: str) -> None:
    table = make_table(
        "Provider", "Model called", "Prompts over", "Input", "Output", "Checked", right=(2, 3, 4, 5)
    )
    for price in prices:
        table.add_row(
            plain(price.provider),
            plain(f"{price.model} (tuned)" if price.is_tuned else price.model),
            f"{price.above_prompt_tokens:,}" if price.above_prompt_tokens else "",
            _usd(price.usd_per_million_input_tokens),
            _usd(price.usd_per_million_output_tokens),
            _age(price, as_of),
        )
    console.print(table)
    console.print(styled("Dollars per million tokens.", "dim"))


def _age(price: Dated, as_of: str) -> Text:
    """Days since the price was last checked."""
    if not price.is_dated:
        return styled("no date", CAREFUL)
    days = age_days(price.checked, as_of)
    return styled(f"{days} d", CAREFUL) if days > STALE_AFTER_DAYS else plain(f"{days} d")


def _show_ages(console: Console, prices: Sequence[Dated], as_of: str) -> None:
    """How many of the prices are old; nobody should have to count."""
    old = sum(p.is_dated and age_days(p.checked, as_of) > STALE_AFTER_DAYS for p in prices)
    undated = sum(not p.is_dated for p in prices)
    told = f"{len(prices)} prices as of {as_of}"
    told += f"; {old} checked more than {STALE_AFTER_DAYS} days before" if old else ""
    told += f"; {undated} from a source without a date" if undated else ""
    console.print(styled(f"{told}. `advisor catalog refresh` fetches current ones.", "dim"))
    fetched = sum(price.source.startswith("fetched from") for price in prices)
    if fetched:
        told = (
            f"{fetched} of them fetched by you; `advisor catalog refresh --forget` removes those."
        )
        console.print(styled(told, "dim"))


def _usd(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _rate(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:g}"
