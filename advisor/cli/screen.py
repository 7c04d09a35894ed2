"""Where output goes: one JSON document or tables on stdout, everything else on stderr."""

from __future__ import annotations

import json
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from advisor.contracts import Emit, Progress


class Screen:
    """What a command prints with; knows the standard options."""

    def __init__(
        self, *, as_json: bool, quiet: bool, verbose: bool, color: bool, yes: bool
    ) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose
        self.color = color
        self.yes = yes
        self._calm_foreign_warnings()

    def _calm_foreign_warnings(self) -> None:
        """Show our own warnings as one line each; other libraries' only with -v."""
        if self.verbose:
            return
        from advisor.errors import AdvisorWarning  # noqa: PLC0415 - keeps start-up light

        warnings.simplefilter("ignore")
        warnings.simplefilter("always", AdvisorWarning)
        warnings.showwarning = lambda message, *_args, **_more: self.note(f"Warning: {message}")

    @cached_property
    def console(self) -> Console:
        """Rich console on stdout."""
        from advisor.render.terminal import make_console  # noqa: PLC0415 - rich is slow to load

        return make_console(sys.stdout, color=self.color)

    @cached_property
    def error_console(self) -> Console:
        """Rich console on stderr."""
        from advisor.render.terminal import make_console  # noqa: PLC0415 - rich is slow to load

        return make_console(sys.stderr, color=self.color)

    def result(self, document: dict[str, Any], show: Callable[[], None]) -> None:
        """Print the document (`--json`) or let `show` print it for people."""
        if self.as_json:
            click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))
        else:
            show()

    def note(self, text: str) -> None:
        """A line of prose beside the result; silent with --quiet."""
        if not self.quiet:
            click.echo(text, err=True)

    def progress(self) -> Progress:
        """A progress line on stderr, silent when nobody watches."""
        from advisor.render.progress import make_progress  # noqa: PLC0415 - rich is slow to load

        return make_progress(self.error_console, silent=self.quiet)

    def emitter(self) -> Emit:
        """Where training events are shown."""
        from advisor.render.progress import make_emitter  # noqa: PLC0415 - rich is slow to load

        return make_emitter(self.error_console, silent=self.quiet)

    @property
    def may_ask(self) -> bool:
        """Whether a question can be asked: a terminal on stdin, and no --yes."""
        return sys.stdin is not None and sys.stdin.isatty() and not self.yes

    @staticmethod
    def command_line(option: str = "", value: str | Path = "") -> str:
        """The present command, ready to paste; with the option, where it has not this path yet."""
        words = ["advisor", *sys.argv[1:]]
        if option and not _gives(words, option, value):
            words += [option, str(value)]
        return shlex.join(words)


def _gives(words: Sequence[str], option: str, value: str | Path) -> bool:
    """Whether the words give the option this path last, however it is written."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    given = [
        word.removeprefix(f"{option}=") if word.startswith(f"{option}=") else following
        for word, following in pairs
        if word == option or word.startswith(f"{option}=")
    ]
    return bool(given) and Path(given[-1]).expanduser().resolve() == Path(value).resolve()
