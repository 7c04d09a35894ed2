"""`advisor data check`: every fault of a data file before anything is built on it."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen


@click.command(name="check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the split.")
@unused_run_dir_option
@standard_options
def command(*, screen: Screen, file: Path, seed: int) -> None:
    """Format, faulty rows, duplicates, leaks, contradictions, lengths and splits of FILE.

    Rows are prompt and completion, input and output, question and answer, instruction and output,
    text and label, messages, or ShareGPT conversations; as JSON Lines, JSON array, CSV or TSV.
    """
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.data_check.check import check  # noqa: PLC0415
    from advisor.formats.readers import read_dataset, refusal  # noqa: PLC0415
    from advisor.render.data_check import show_data_check  # noqa: PLC0415 - rich is slow to load

    dataset = read_dataset(file, keep_faulty=True)
    if not dataset.samples:
        raise refusal(file, dataset.faults, rows=dataset.rows)
    found = check(dataset, seed=seed)
    screen.result(document(found), lambda: show_data_check(screen.console, found))
