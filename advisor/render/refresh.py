"""Shows what fetching current prices brought."""

from __future__ import annotations

from collections import Counter

from rich.console import Console

from advisor.render.terminal import CAREFUL, GOOD, make_table, plain, styled
from advisor.schema.refresh import CatalogRefresh, PriceChange, RefreshedSource

MOST_ROWS = 25
"""Of changes; `--json` has all."""
_STATES = {"fetched": GOOD, "partly": CAREFUL, "failed": CAREFUL}


def show_refresh(console: Console, result: CatalogRefresh, *, forget: bool = False) -> None:
    """Sources, then the changes that matter most, then where they are kept."""
    if forget:
        told = f"Removed {result.kept_in}." if result.forgotten else "No prices had been fetched."
        console.print(plain(told))
        return
    for source in result.sources:
        _show_source(console, source)
    told_changes = [c for c in result.changes if c.change != "added"]
    if told_changes:
        _show_changes(console, told_changes)
    counts = Counter(change.change for change in result.changes)
    words = ", ".join(
        f"{counts[name]} {name}" for name in ("dearer", "cheaper", "gone", "added") if counts[name]
    )
    console.print(plain(f"{words or 'Nothing has changed'}; {result.same} as before."))
    console.print(styled(f"Kept in {result.kept_in}; --forget removes it.", "dim"))


def _show_source(console: Console, source: RefreshedSource) -> None:
    line = styled(f"{source.id}: {source.state}", _STATES[source.state])
    line.append(f", {source.prices} prices from {source.files} files")
    if source.unchanged_files:
        line.append(f" ({source.unchanged_files} unchanged since the last fetch)")
    console.print(line)
    for failure in source.failures:
        console.print(plain(f"- {failure}"))
    if source.unknown:
        shown = ", ".join(source.unknown[:8])
        more = f" and {len(source.unknown) - 8} more" if len(source.unknown) > 8 else ""
        console.print(styled(f"- Left out, not in the catalog: {shown}{more}.", "dim"))


def _show_changes(console: Console, changes: list[PriceChange]) -> None:
    table = make_table("Provider", "GPU or model", "Kind", "Before", "Now", "", right=(3, 4, 5))
    for change in changes[:MOST_ROWS]:
        count = f"{change.gpus} x " if change.gpus > 1 else ""
        side = {"million input tokens": "input", "million output tokens": "output"}
        table.add_row(
            plain(change.provider),
            plain(count + change.item),
            plain(change.kind or side.get(change.unit, "")),
            _usd(change.usd_before),
            _usd(change.usd_now),
            "gone" if change.percent is None else f"{change.percent:+.1f} %",
        )
    console.print(table)
    if len(changes) > MOST_ROWS:
        more = f"{len(changes) - MOST_ROWS} more changes; --json lists all."
        console.print(styled(more, "dim"))


def _usd(value: object) -> str:
    return "-" if value is None else f"{value:.3f}"
