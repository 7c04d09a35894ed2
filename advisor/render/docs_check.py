"""A check of documents on the terminal: how much text there is, and every problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console

from advisor.render.data_check import ROWS_SHOWN, STYLES
from advisor.render.data_check_grids import places
from advisor.render.grid import Grid
from advisor.render.terminal import grid_table, plain, show_facts, styled
from advisor.schema.dataset import Problem
from advisor.schema.docs_check import DocsCheck, DocumentSizes

NAME_SHOWN = 60
FEW = 5


def show_docs_check(console: Console, check: DocsCheck) -> None:
    """Facts, sizes by kind, the longest documents, remarks, and every problem with its lines."""
    console.print(styled("Documents", "bold"))
    show_facts(console, facts(check))
    console.print()
    console.print(grid_table(console, sizes_grid("Kind", check.kinds), fixed=(0,)))
    if check.whole.documents > len(check.kinds):
        console.print(grid_table(console, sizes_grid("Longest", check.largest[:FEW])))
    for note in check.notes:
        console.print(plain(note, style="dim"))
    console.print(styled(headline(check), "bold" if check.problems else "green"))
    for problem in check.problems:
        _show_problem(console, problem)


def facts(check: DocsCheck) -> Iterator[tuple[str, str]]:
    """What there is, as named lines."""
    whole = check.whole
    yield "path", check.path
    yield "documents", f"{whole.documents:,}"
    yield "characters", f"{whole.characters:,}"
    yield "tokens", f"about {whole.tokens:,} ({check.tokens_estimated_from})"
    yield "passages", f"about {whole.passages:,} of {check.passage_tokens} tokens"
    rate = f"{check.passages_per_second:.0f} passages a second, {check.embedding_rate.kind}"
    yield "to embed", f"about {duration(check.embedding_seconds)} ({rate})"
    yield "by a service", f"costs by its tokens instead: about {whole.tokens:,}, once"


def duration(seconds: float) -> str:
    """'3 s', '12 min', '2.5 h'."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"


def sizes_grid(title: str, sizes: Sequence[DocumentSizes]) -> Grid:
    """One row per kind or document."""
    rows = tuple(
        (
            s.name[-NAME_SHOWN:],
            *(f"{n:,}" for n in (s.documents, s.characters, s.tokens, s.passages)),
        )
        for s in sizes
    )
    return Grid((title, "Documents", "Characters", "Tokens", "Passages"), rows, right=(1, 2, 3, 4))


def headline(check: DocsCheck) -> str:
    """'1 error, 2 warnings', or that there is none."""
    found = Counter(problem.severity for problem in check.problems)
    words = [
        f"{found[name]} {name}{'s' if found[name] > 1 else ''}"
        for name in ("error", "warning", "note")
        if found[name]
    ]
    return f"Problems: {', '.join(words)}" if words else "No problem found."


def _show_problem(console: Console, problem: Problem) -> None:
    title = styled(f"{problem.severity} ", STYLES[problem.severity])
    console.print(title.append_text(plain(f"{problem.code}: {problem.message}")))
    where = plain(f"line {places(problem, ROWS_SHOWN)}", style="dim")
    console.print(styled("  ").append_text(where))
    console.print(styled("  ").append_text(plain(problem.hint)))
