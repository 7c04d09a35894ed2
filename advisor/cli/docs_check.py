"""`advisor docs check`: what of a folder of documents can be read, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen


@click.command(name="check")
@click.argument("path", type=click.Path(path_type=Path))
@unused_run_dir_option
@standard_options
def command(*, screen: Screen, path: Path) -> None:
    """Text, passages and time to embed of PATH, and what was left out of it.

    Looks for orders to the model that reads them, secrets, data of persons and copies. PATH is a
    file or a folder of text, Markdown, HTML, PDF, Word, CSV and TSV files.
    """
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.data_check.docs_check import check_documents  # noqa: PLC0415 - the same
    from advisor.formats.documents import read_corpus  # noqa: PLC0415 - the same
    from advisor.registry import readers  # noqa: PLC0415 - the same

    found = check_documents(read_corpus(path, readers()))

    def show() -> None:
        from advisor.render.docs_check import show_docs_check  # noqa: PLC0415 - rich is slow

        show_docs_check(screen.console, found)

    screen.result(document(found), show)
