"""`advisor interview`: questions that can still change the advice, then the advice."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.errors import Interrupted
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen

if TYPE_CHECKING:
    from advisor.schema.decide import Advice
    from advisor.schema.facts import Fact
    from advisor.schema.profile import Profile
    from advisor.schema.rule import Rulebook

REFUGE = "interview-answers.yaml"


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
@unused_run_dir_option
@standard_options
def command(
    *, screen: Screen, answers: Path | None, save: Path | None, policy: Path | None
) -> None:
    """Ask what can still change the advice, most decisive first, and end in the advice.

    Enter means "don't know", `back` returns to the last question, `why` says what it is for,
    `stop` ends early. Without a terminal the answers come from --answers. Broken off with Ctrl-C,
    what was answered is saved, to --save or to a new file here.
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
        profile = _ask(screen, profile, rulebook, refuge=Refuge(save, policy))
    if save is not None:
        save_profile(profile, save)
        screen.note(f"Answers saved: {save}")
    advice = AdviceDocument(profile=profile, decision=decide(profile, rulebook))
    screen.result(document(advice), lambda: _show(screen, advice))


class Refuge:
    """Where the answers go when the interview is broken off."""

    def __init__(self, save: Path | None, policy: Path | None) -> None:
        self._save = save
        self._policy = policy

    def keep(self, answered: Profile) -> Interrupted:
        """Write the answers to --save, or to a new file here; the interruption names it."""
        from advisor.interview.answers import save_profile  # noqa: PLC0415 - pydantic is slow

        path = self._save or free_name(Path(REFUGE))
        save_profile(answered, path)
        words = ["advisor", "interview", "--answers", str(path), "--save", str(path)]
        more = ["--policy", str(self._policy)] if self._policy else []
        return Interrupted(shlex.join([*words, *more]))


def free_name(path: Path) -> Path:
    """The path, or the first with a number that is not taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def _ask(screen: Screen, profile: Profile, rulebook: Rulebook, *, refuge: Refuge) -> Profile:
    """The answered profile; on Ctrl-C or the end of input the answers so far are saved."""
    from advisor.interview.dialogue import converse  # noqa: PLC0415 - pydantic is slow to load

    screen.note("Enter = don't know; `back`, `why` and `stop` are understood.")
    kept = [profile]
    try:
        return converse(TerminalAsker(), profile, rulebook, keep=kept.append)
    except (KeyboardInterrupt, EOFError, click.Abort) as stop:
        if kept[-1] == profile:
            raise
        raise refuge.keep(kept[-1]) from stop


def _show(screen: Screen, advice: Advice) -> None:
    from advisor.render.decision import show_decision  # noqa: PLC0415 - rich is slow to load

    show_decision(screen.console, advice.decision)
