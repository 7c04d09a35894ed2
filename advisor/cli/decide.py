"""`advisor decide`: rank the approaches for a profile, or read a run's advice again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.options import run_dir_option, standard_options
from advisor.cli.screen import Screen

if TYPE_CHECKING:
    from advisor.schema.decide import Advice


@click.command(name="decide")
@click.option(
    "--profile",
    "profile_path",
    type=click.Path(path_type=Path),
    help="Profile file: YAML or JSON with the facts of rules/facts.yaml.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="File that switches rules off or reweighs them.",
)
@run_dir_option
@standard_options
def command(
    *, screen: Screen, profile_path: Path | None, run_dir: Path | None, policy: Path | None
) -> None:
    """Rank the approaches for a profile, with reasons and what would change the advice.

    With --run-dir: the advice after measuring, where the gate has run, else the advice on the
    run's profile. Nothing is written.
    """
    if (profile_path is None) == (run_dir is None):
        msg = "Give either --profile FILE or --run-dir DIR."
        raise click.UsageError(msg)
    advice = (
        _of_profile(profile_path, policy)
        if profile_path is not None
        else _of_run(screen, run_dir or Path(), policy)
    )
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load

    screen.result(document(advice), lambda: _show(screen, advice))


def _of_profile(path: Path, policy: Path | None) -> Advice:
    from advisor.interview.answers import load_profile  # noqa: PLC0415 - pydantic is slow to load
    from advisor.resources import rules_root  # noqa: PLC0415
    from advisor.rulebook.load import load_rulebook  # noqa: PLC0415
    from advisor.schema.decide import Advice  # noqa: PLC0415
    from advisor.stages.decide import decide  # noqa: PLC0415

    profile = load_profile(path)
    return Advice(profile=profile, decision=decide(profile, load_rulebook(rules_root(), policy)))


def _of_run(screen: Screen, run_dir: Path, policy: Path | None) -> Advice:
    from advisor.artifacts import RunFolder  # noqa: PLC0415 - pydantic is slow to load
    from advisor.resources import rules_root  # noqa: PLC0415
    from advisor.rulebook.load import load_rulebook  # noqa: PLC0415
    from advisor.schema.decide import Advice  # noqa: PLC0415
    from advisor.schema.gate import GateVerdict  # noqa: PLC0415
    from advisor.schema.profile import Profile  # noqa: PLC0415
    from advisor.stages.decide import decide  # noqa: PLC0415

    folder = RunFolder(run_dir)
    profile = folder.read("profile", Profile)
    if folder.has("gate") and policy is None:
        screen.note("The advice after measuring, from 5-gate.json.")
        if folder.freshness("gate") == "stale":
            screen.note("Warning: 5-gate.json is older than what it rests on; run the gate again.")
        return Advice(profile=profile, decision=folder.read("gate", GateVerdict).decision)
    return Advice(profile=profile, decision=decide(profile, load_rulebook(rules_root(), policy)))


def _show(screen: Screen, advice: Advice) -> None:
    from advisor.render.decision import show_decision  # noqa: PLC0415 - rich is slow to load

    show_decision(screen.console, advice.decision)
