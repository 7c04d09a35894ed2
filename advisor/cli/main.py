"""The command `advisor`: the journey from profile to report, and the side doors."""

from __future__ import annotations

import os

import click

from advisor import __version__
from advisor.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("advisor.cli.run:command", "Every stage in order on your own data."),
    "demo": ("advisor.cli.demo:command", "The whole path on three bundled tasks, offline."),
    "interview": ("advisor.cli.interview:command", "Questions that end in advice."),
    "profile": ("advisor.cli.profile:command", "1  What is known of task, data and machine."),
    "decide": ("advisor.cli.decide:command", "2  Rank the approaches, with reasons."),
    "estimate": ("advisor.cli.estimate:command", "3  Memory, hours and money of tuning."),
    "baseline": ("advisor.cli.baseline:command", "4  Measure prompts, RAG and classifiers."),
    "judge": ("advisor.cli.judge:command", "How far a judge agrees with people."),
    "gate": ("advisor.cli.gate:command", "5  Is training warranted? train, stop or collect."),
    "train": ("advisor.cli.train:command", "6  Tune with a trainer plugin."),
    "verify": ("advisor.cli.verify:command", "7  Tuned model against every baseline."),
    "review": ("advisor.cli.review:command", "People judge answers side by side, blind."),
    "report": ("advisor.cli.report:command", "8  report.html and report.md."),
    "merge": ("advisor.cli.merge:command", "Tuned model and its base made one, checked."),
    "combine": ("advisor.cli.combine:command", "Several tuned models made into one, verified."),
    "export": ("advisor.cli.export:command", "Ship the tuned model, checked to be the same."),
    "data": ("advisor.cli.data:command", "Check a data file."),
    "docs": ("advisor.cli.docs:command", "Check documents, search them."),
    "rules": ("advisor.cli.rules:command", "List, show, check and explain the rules."),
    "catalog": ("advisor.cli.catalog:command", "Models, GPUs and dated prices."),
    "calibration": (
        "advisor.cli.calibration:command",
        "Runs that correct this machine's estimates.",
    ),
    "cache": ("advisor.cli.cache:command", "Answers kept so that none is bought twice."),
    "plugins": ("advisor.cli.plugins:command", "What is installed under each contract."),
    "doctor": ("advisor.cli.doctor:command", "What this installation and machine can do."),
}


@click.group(
    name="advisor",
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, prog_name="advisor")
def cli() -> None:
    """Should you fine-tune that language model? Decide, estimate, measure, then prove it.

    Start with `advisor demo`, or `advisor run --data FILE` on your own data.
    """


def main() -> None:
    """Entry point of the console script."""
    # Threads that spin while they wait take the cores from whatever runs beside them: training on
    # two busy cores took 5 minutes spinning and 2 sleeping. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Pydantic would look through every installed package for plugins of its own at each start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    cli.main(prog_name="advisor")
