"""A click group that knows its commands by name and imports one only when it is called."""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from advisor.cli.errors import door


class LazyGroup(click.Group):
    """A group over a table `name -> (module:attribute, short help)`; its help imports nothing.

    Code that documents commands asks `list_commands` and `get_command`: `.commands` stays empty.
    """

    def __init__(self, *args: Any, table: dict[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names in the order of the table: the order of the journey."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command = getattr(_imported(module), attribute)
        if not isinstance(command, click.Command):
            msg = f"{module}:{attribute} is not a click command"
            raise TypeError(msg)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = args[0] if args else ""
        if name and name not in self.table and not name.startswith("-"):
            import difflib  # noqa: PLC0415 - only a mistyped command pays for it

            close = difflib.get_close_matches(name, self.table, n=1)
            guess = f" Did you mean '{close[0]}'?" if close else ""
            raise click.UsageError(f"No such command '{name}'.{guess}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands from the table alone, so that a press of TAB imports nothing."""
        found = [
            CompletionItem(name, help=text.strip())
            for name, (_, text) in self.table.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run, and let every failure leave through the one error door."""
        kwargs["standalone_mode"] = False
        arguments = kwargs.get("args", args[0] if args else None)
        door(lambda: super(LazyGroup, self).main(*args, **kwargs), arguments)


def _imported(name: str) -> ModuleType:
    """The module; what is made while it loads stays, and is no rubbish to look for again and again.

    Looking took a tenth of the time that `advisor estimate` needs.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
