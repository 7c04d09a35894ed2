"""`advisor interview`: questions that can still change the advice, then the advice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import mapping_option, standard_options
from advisor.cli.screen import Screen

if TYPE_CHECKING:
    from advisor.cli.interview_session import Session

PATH = click.Path(path_type=Path)
REVIEW = ""
"""What `--edit` holds where no fact was named."""


@click.command(name="interview")
@click.option(
    "--answers",
    type=PATH,
    help="Answers file (YAML or JSON); only what it leaves open is asked.",
)
@click.option("--save", type=PATH, help="Write the answers to this file.")
@click.option("--data", type=PATH, help="Dataset: what it shows is measured, not asked.")
@mapping_option
@click.option("--docs", type=PATH, help="Documents: what they show is measured, not asked.")
@click.option("--model", help="The open model that would answer: its facts are looked up.")
@click.option(
    "--edit",
    is_flag=False,
    flag_value=REVIEW,
    metavar="[FACT[=VALUE]]",
    help="Change one answer of --answers FILE, see what that changes; without FACT: pick it.",
)
@click.option("--language", default="en", help="Language of the questions: en (default), de.")
@click.option(
    "--plain",
    is_flag=True,
    envvar="ADVISOR_PLAIN",
    help="Numbered lines to type at, for screen readers (also: ADVISOR_PLAIN=1, TERM=dumb).",
)
@click.option("--policy", type=PATH, help="File that switches rules off or reweighs them.")
@unused_run_dir_option
@standard_options
def command(*, screen: Screen, **given: Any) -> None:
    """Ask what can still change the advice, most decisive first, and end in the advice.

    Pick with the arrow keys or type. "Don't know" is an answer; `?` says why a question is asked,
    `b` goes back, `r` shows all answers and takes what was not asked, `s` stops and shows the
    advice. What is answered is saved at once, to --save or to a new file here; go on later with
    --answers FILE.

    With --yes or without a terminal nothing is asked: the answers come from --answers.
    """
    if given["edit"] is not None and given["answers"] is None:
        msg = "--edit changes an answers file: name it with --answers FILE."
        raise click.UsageError(msg)
    from advisor.cli.interview_session import Session  # noqa: PLC0415 - pydantic is slow to load

    session = Session(screen, given)
    session.fill()
    shown = session.document()
    screen.result(shown, lambda: _show(screen, session))


def _show(screen: Screen, session: Session) -> None:
    end = session.end
    if session.is_plain:
        from advisor.render.decision_plain import decision_lines  # noqa: PLC0415 - slow to load

        for line in decision_lines(end.decision):
            click.echo(line)
    else:
        from advisor.render.decision import show_decision  # noqa: PLC0415 - rich is slow to load

        show_decision(screen.console, end.decision)
    for line in end.lines():
        click.echo(line)
