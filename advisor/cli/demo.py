"""`advisor demo`: the whole path on the bundled tasks with the embedded model, offline."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from advisor.artifacts import RunFolder, document
from advisor.bundled import bundled_settings, task_names
from advisor.cli.interrupt import interruptible
from advisor.cli.options import SEED, run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import RUNS
from advisor.pipeline import Pipeline
from advisor.schema.demo import Demo, DemoTask
from advisor.schema.report import Report
from advisor.workspace import Workspace


@click.command(name="demo")
@click.argument("names", nargs=-1)
@click.option(
    "--seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Seed of shots and training.",
)
@run_dir_option
@standard_options
def command(*, screen: Screen, names: tuple[str, ...], seed: int, run_dir: Path | None) -> None:
    """Run every stage on the bundled tasks (manuals, tickets, fields), or on those named."""
    chosen = names or task_names()
    settings = [bundled_settings(name, seed=seed) for name in chosen]
    root = (run_dir or RUNS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-demo").resolve()
    screen.note(f"Run folder: {root}")
    rows = []
    with interruptible(screen.command_line("--run-dir", root)):
        for setting in settings:
            screen.note(f"\n{setting.name}: {setting.title}")
            started = time.monotonic()
            folder = RunFolder(root / setting.name)
            space = Workspace(
                setting.run, folder, progress=screen.progress(), emit=screen.emitter()
            )
            report = Pipeline(space).run()
            rows.append(demo_row(setting.name, report, time.monotonic() - started))
            screen.note(report.headline)
    demo = Demo(tasks=tuple(rows))
    from advisor.render.report import show_demo  # noqa: PLC0415 - rich is slow to load

    screen.note(f"Reports: {root}/*/report.html")
    screen.result(document(demo), lambda: show_demo(screen.console, document(demo)["tasks"]))


def demo_row(name: str, report: Report, seconds: float) -> DemoTask:
    """The outcome of one task as the demo's table and JSON show it."""
    if report.gate is None or report.baselines is None:
        msg = f"the demo task {name} ended without a gate verdict"
        raise RuntimeError(msg)
    proof = report.verification
    return DemoTask(
        task=name,
        recommended=report.recommended,
        gate=report.gate.verdict,
        verification=proof.verdict if proof else None,
        baselines={e.builder: e.value for e in report.baselines.evaluations},
        tuned=proof.tuned.value if proof else None,
        target=report.gate.target,
        seconds=round(seconds, 1),
        run_dir=report.run_dir,
    )
