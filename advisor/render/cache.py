"""Shows what the cache of completions and vectors holds."""

from __future__ import annotations

from rich.console import Console

from advisor.render.terminal import make_table, plain, styled
from advisor.schema.cache import CacheSummary

MEGA = 1e6


def show_cache(console: Console, found: CacheSummary) -> None:
    """Completions by model and dates, vectors by embedder, indexes, and where they lie."""
    if not found.completions:
        console.print("No completion is kept yet; every measured answer adds one.")
    else:
        table = make_table("Model", "Completions", right=(1,))
        for model, count in found.models.items():
            table.add_row(plain(model), f"{count:,}")
        console.print(table)
        console.print(f"From {found.oldest[:10]} to {found.newest[:10]}.")
    console.print(styled(f"{found.path} ({found.bytes / MEGA:.1f} MB)", "dim"))
    if found.embedders:
        table = make_table("Embedder", "Vectors", right=(1,))
        for name, count in found.embedders.items():
            table.add_row(plain(name), f"{count:,}")
        console.print(table)
        size = found.vectors_bytes / MEGA
        console.print(styled(f"{found.vectors_path} ({size:.1f} MB)", "dim"))
    if found.indexes:
        size = found.indexes_bytes / MEGA
        console.print(f"Indexes of searched documents: {found.indexes:,} ({size:.1f} MB).")
