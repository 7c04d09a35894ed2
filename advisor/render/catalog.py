"""Shows a part of the catalog as a table."""

from __future__ import annotations

from rich.console import Console

from advisor.render.terminal import UNKNOWN, make_table, plain, styled
from advisor.schema.catalog import CatalogView
from advisor.units import short_count


def show_catalog(console: Console, view: CatalogView) -> None:
    """GPUs, models or prices, one a line."""
    if view.gpus:
        table = make_table("GPU", "Name", "GiB", "bf16 TFLOPS", "GB/s", right=(2, 3, 4))
        for gpu in view.gpus:
            table.add_row(
                plain(gpu.id),
                plain(gpu.name),
                f"{gpu.memory_gib:.1f}",
                _rate(gpu.bf16_tflops),
                _rate(gpu.bandwidth_gb_per_second),
            )
        console.print(table)
    if view.models:
        table = make_table(
            "Model", "Parameters", "Layers", "Hidden", "Vocabulary", right=(1, 2, 3, 4)
        )
        for card in view.models:
            table.add_row(
                plain(card.id),
                short_count(card.parameters),
                str(card.layers),
                str(card.hidden_size),
                str(card.vocabulary_size),
            )
        console.print(table)
    if view.offers:
        table = make_table("GPU", "Provider", "Kind", "$/GPU-hour", "Since", right=(3,))
        for offer in view.offers:
            table.add_row(
                plain(offer.gpu),
                plain(offer.provider),
                plain(offer.kind),
                f"{offer.usd_per_gpu_hour:.3f}",
                plain(offer.valid_from),
            )
        console.print(table)
        console.print(styled(f"Prices as of {view.prices_as_of}.", "dim"))


def _rate(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:g}"
