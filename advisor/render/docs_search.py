"""What a search through documents found, on the terminal."""

from __future__ import annotations

from rich.console import Console

from advisor.render.terminal import plain, styled
from advisor.schema.docs_search import DocsSearch


def show_docs_search(console: Console, search: DocsSearch, *, with_notes: bool = True) -> None:
    """Every passage under its rank, its document and the headings it stands under."""
    for note in search.notes if with_notes else ():
        console.print(plain(note, style="dim"))
    if not search.found:
        console.print(plain("Nothing was found."))
    for found in search.found:
        place = " > ".join(part for part in (found.document, found.heading) if part)
        console.print(styled(f"{found.rank}. {place}", "bold"))
        console.print(
            plain(f"score {found.score:.3f}, characters {found.start} to {found.end}", style="dim")
        )
        console.print(plain(found.text))
        console.print()
