"""`advisor decide`: rank the approaches for a profile, or read a run's advice again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.options import run_dir_option, standard_options
from advisor.cli.screen import Screen

if TYPE_CHECKING:
    from advisor.render.decision import Onward
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
    help="File that switches rules off, reweighs or adds them.",
)
@run_dir_option
@standard_options
def command(
    *, screen: Screen, profile_path: Path | None, run_dir: Path | None, policy: Path | None
) -> None:
    """Rank the approaches for a profile, with reasons and what would change the advice.

    With --run-dir alone: the advice after measuring, where the gate has run, else the advice on the
    run's profile; nothing is written. With both, the advice on the profile is written there as
    2-decide.json. -v shows every reason with its source, every setting and what the gate will ask.
    """
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load

    if profile_path is not None:
        advice = _of_profile(profile_path, policy)
        shown = document(advice)
        if run_dir is not None:
            shown = _written(screen, advice, run_dir, policy)
    elif run_dir is not None:
        advice = _of_run(screen, run_dir, policy)
        shown = document(advice)
    else:
        msg = "Give --profile FILE, --run-dir DIR, or both."
        raise click.UsageError(msg)

    def show() -> None:
        from advisor.render.decision import Onward  # noqa: PLC0415 - rich is slow to load

        command, blanks = _next(advice, profile_path, run_dir, policy)
        answers = str(profile_path) if profile_path else _answers_of(run_dir)
        _show(screen, advice, Onward(command, blanks, answers, str(policy or "")))

    screen.result(shown, show)


def _next(
    advice: Advice, profile_path: Path | None, run_dir: Path | None, policy: Path | None
) -> tuple[str, tuple[str, ...]]:
    """The command that leads on, and the words in it to be replaced."""
    if profile_path is None and run_dir is not None:
        return _next_in_run(run_dir), ()
    return _next_alone(advice, profile_path, policy)


def _next_alone(
    advice: Advice, profile_path: Path | None, policy: Path | None
) -> tuple[str, tuple[str, ...]]:
    """The command that leads on from a profile file, and the words in it to be replaced."""
    from advisor.interview.closing import Inputs, next_command  # noqa: PLC0415 - pydantic is slow

    inputs = Inputs(answers=profile_path, policy=policy)
    found = next_command(advice.decision, advice.profile, inputs)
    return found.line, found.blanks


def _next_in_run(run_dir: Path) -> str:
    """The command that leads on in a run folder: training where the gate says so, else the rest."""
    from advisor.artifacts import RunFolder  # noqa: PLC0415 - pydantic is slow to load
    from advisor.schema.gate import GateVerdict  # noqa: PLC0415

    folder = RunFolder(run_dir)
    step = "run"
    if folder.has("gate"):
        step = "train" if folder.read("gate", GateVerdict).verdict == "train" else "report"
    return shlex.join(["advisor", step, "--run-dir", str(run_dir)])


def _written(screen: Screen, advice: Advice, run_dir: Path, policy: Path | None) -> dict[str, Any]:
    """The document after writing it as 2-decide.json."""
    from advisor.artifacts import Origin, RunFolder, digest_of  # noqa: PLC0415 - pydantic is slow
    from advisor.resources import rules_root  # noqa: PLC0415
    from advisor.rulebook.load import load_rulebook  # noqa: PLC0415

    folder = RunFolder(run_dir)
    origin = Origin(
        stage="decide",
        inputs={"profile": digest_of(advice.profile.model_dump(mode="json"))},
        rulebook_digest=load_rulebook(rules_root(), policy).digest,
    )
    folder.write(advice, origin)
    screen.note(f"Written: {folder.file('decide')}")
    return folder.raw("decide")


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


def _answers_of(run_dir: Path | None) -> str:
    """The answers file of a run; empty where it has none."""
    from advisor.artifacts import RunFolder  # noqa: PLC0415 - pydantic is slow to load
    from advisor.kept_settings import load_settings  # noqa: PLC0415
    from advisor.schema.run import SETTINGS_FILE  # noqa: PLC0415

    if run_dir is None or not (run_dir / SETTINGS_FILE).is_file():
        return ""
    return load_settings(RunFolder(run_dir)).answers or ""


def _show(screen: Screen, advice: Advice, onward: Onward) -> None:
    from advisor.render.decision import show_decision  # noqa: PLC0415 - rich is slow to load

    show_decision(
        screen.console,
        advice.decision,
        in_full=screen.verbose,
        onward=onward,
        profile=advice.profile,
    )
