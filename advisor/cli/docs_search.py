"""`advisor docs search`: what retrieval finds for a question, before any model answers from it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.measuring_options import named
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen

OWN = (
    "builder_options",
    "embedder",
    "embedder_base_url",
    "retriever",
    "retriever_options",
)


@click.command(name="search")
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("question")
@click.option("-k", "count", type=click.IntRange(1, 1000), default=5, help="Passages (default: 5).")
@named(*OWN)
@unused_run_dir_option
@standard_options
def command(*, screen: Screen, path: Path, question: str, count: int, **chosen: Any) -> None:
    """The passages of PATH that a prompt with retrieval would show for QUESTION."""
    from advisor.artifacts import RunFolder, document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.cli.settings import make_settings  # noqa: PLC0415 - the same
    from advisor.embedding import vectors_root  # noqa: PLC0415 - the same
    from advisor.searching import search_documents  # noqa: PLC0415 - the same
    from advisor.workspace import Workspace  # noqa: PLC0415 - the same

    given = {key: value for key, value in chosen.items() if value is not None and value != ()}
    settings = make_settings(given | {"docs": path})
    with TemporaryDirectory(prefix="advisor-") as passing:  # where nothing is to be kept
        kept = RunFolder(vectors_root() or Path(passing))
        space = Workspace(settings, kept, progress=screen.progress(), say=screen.note)
        found = search_documents(space, question, k=count, may_spend=screen.yes)

    def show() -> None:
        from advisor.render.docs_search import show_docs_search  # noqa: PLC0415 - rich is slow

        show_docs_search(screen.console, found, with_notes=not screen.quiet)

    screen.result(document(found), show)
