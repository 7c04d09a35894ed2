"""`advisor data split`: write parts that do not leak, and lock the test part."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import FiniteRange, standard_options
from advisor.cli.screen import Screen

BY = ("auto", "input", "group", "document", "time", "cluster")


@click.command(name="split")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="New folder for the parts."
)
@click.option(
    "--by",
    type=click.Choice(BY),
    default="auto",
    show_default=True,
    help="What is never parted; auto: groups or documents where the rows name them. Equal and"
    " nearly equal inputs stay together too. time: the latest rows test.",
)
@click.option(
    "--test-share",
    type=FiniteRange(0, 0.9, min_open=True),
    help="Share of the inputs that test (default: 0.3, at most 1000).",
)
@click.option(
    "--dev-share", type=FiniteRange(0, 0.5), default=0.1, show_default=True, help="And that tune."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed.")
@click.option("--map", "mapping", default="", help="Fields by hand: input=frage,group=kunde.")
@unused_run_dir_option
@standard_options
def command(
    *,
    screen: Screen,
    file: Path,
    out: Path,
    by: str,
    mapping: str,
    **more: float | None,
) -> None:
    """Part FILE into train, dev and test, written to a folder with a manifest.

    Labels keep their share in each part. Synthetic rows only train. The manifest, split.json, locks
    the test part: a later run is told when its rows were changed.
    """
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.data_check.lock import write_split  # noqa: PLC0415
    from advisor.data_check.shares import TEST_CAP, TEST_SHARE, Shares  # noqa: PLC0415
    from advisor.data_check.split import split_recorded  # noqa: PLC0415
    from advisor.formats.mapping import parse_mapping  # noqa: PLC0415
    from advisor.formats.readers import read_dataset  # noqa: PLC0415
    from advisor.render.split import show_split  # noqa: PLC0415 - rich is slow to load

    dataset = read_dataset(file, mapping=parse_mapping(mapping))
    share, dev, seed = more["test_share"], more["dev_share"], more["seed"]
    shares = Shares(
        test=TEST_SHARE if share is None else share,
        dev=dev or 0.0,
        test_cap=TEST_CAP if share is None else None,
    )
    placed, record = split_recorded(dataset.samples, seed=int(seed or 0), by=by, shares=shares)  # type: ignore[arg-type]  # click checked the choice
    manifest = write_split(out, placed, record, dataset)
    screen.result(document(manifest), lambda: show_split(screen.console, manifest, str(out)))
