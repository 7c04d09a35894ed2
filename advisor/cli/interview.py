"""`advisor interview`: questions that can still change the advice, then the advice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.options import standard_options
from advisor.cli.screen import Screen

if TYPE_CHECKING:
    from advisor.schema.decide import Advice
    from advisor.schema.facts import Fact
    from advisor.schema.profile import Profile
    from advisor.schema.rule import Rulebook


class TerminalAsker:
    """Puts questions on the terminal (stderr, so that --json keeps stdout to itself)."""

    def ask(self, fact: Fact, *, number: int) -> str:
        """One question with its choices; Enter alone means unknown."""
        click.echo(f"\n{number}. {fact.question}", err=True)
        for place, choice in enumerate(fact.choices, start=1):
            click.echo(f"   {place}  {choice.replace('_', ' ')}", err=True)
        form = {"bool": "yes/no", "choice": "number or name"}.get(fact.type, fact.unit or "text")
        answer: str = click.prompt(
            f"   {form}, Enter = don't know", default="", show_default=False, err=True
        )
        return answer

    def tell(self, text: str) -> None:
        """A line below the question."""
        click.echo(f"   {text}", err=True)


@click.command(name="interview")
@click.option(
    "--answers",
    type=click.Path(path_type=Path),
    help="Answers file (YAML or JSON); only what it leaves open is asked.",
)
@click.option("--save", type=click.Path(path_type=Path), help="Write the answers to this file.")
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="File that switches rules off or reweighs them.",
)
@standard_options
def command(
    *, screen: Screen, answers: Path | None, save: Path | None, policy: Path | None
) -> None:
    """Ask what can still change the advice, most decisive first, and end in the advice.

    Enter means "don't know", `back` returns to the last question, `why` says what it is for,
    `stop` ends early. Without a terminal the answers come from --answers.
    """
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.errors import InputError  # noqa: PLC0415
    from advisor.interview.answers import load_profile, save_profile  # noqa: PLC0415
    from advisor.resources import rules_root  # noqa: PLC0415
    from advisor.rulebook.load import load_rulebook  # noqa: PLC0415
    from advisor.schema.decide import Advice as AdviceDocument  # noqa: PLC0415
    from advisor.schema.profile import Profile  # noqa: PLC0415
    from advisor.stages.decide import decide  # noqa: PLC0415

    if answers is None and not screen.may_ask:
        raise InputError(
            "There is no terminal to ask on.",
            hint="Give the answers in a file with --answers FILE.",
        )
    profile = load_profile(answers) if answers else Profile()
    rulebook = load_rulebook(rules_root(), policy)
    if screen.may_ask:
        profile = _ask(screen, profile, rulebook)
    if save is not None:
        save_profile(profile, save)
        screen.note(f"Answers saved: {save}")
    advice = AdviceDocument(profile=profile, decision=decide(profile, rulebook))
    screen.result(document(advice), lambda: _show(screen, advice))


def _ask(screen: Screen, profile: Profile, rulebook: Rulebook) -> Profile:
    from advisor.interview.dialogue import converse  # noqa: PLC0415 - pydantic is slow to load

    screen.note("Enter = don't know; `back`, `why` and `stop` are understood.")
    return converse(TerminalAsker(), profile, rulebook)


def _show(screen: Screen, advice: Advice) -> None:
    from advisor.render.decision import show_decision  # noqa: PLC0415 - rich is slow to load

    show_decision(screen.console, advice.decision)
