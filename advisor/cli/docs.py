"""`advisor docs`: look at documents before anything is retrieved from them."""

from __future__ import annotations

import click

from advisor.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "search": ("advisor.cli.docs_search:command", "What retrieval finds for a question."),
    "check": ("advisor.cli.docs_check:command", "How much text there is, and what is wrong."),
}


@click.group(name="docs", cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Check documents, and search them."""
