"""`advisor data fix`: a cleaned copy of a data file, and a log of every change."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen


@click.command(name="fix")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The cleaned copy to write."
)
@click.option("--map", "mapping", default="", help="Fields by hand: input=frage,target=antwort.")
@click.option(
    "--drop",
    multiple=True,
    metavar="CODE",
    help="Also leave out rows that `advisor data check` lists under CODE. Repeatable.",
)
@click.option(
    "--keep", multiple=True, metavar="CODE", help="Leave what has CODE as it is. Repeatable."
)
@click.option(
    "--mask", multiple=True, metavar="CODE", help="Cover secrets or personal_data in the texts."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed.")
@unused_run_dir_option
@standard_options
def command(
    *,
    screen: Screen,
    file: Path,
    out: Path,
    mapping: str,
    seed: int,
    **codes: tuple[str, ...],
) -> None:
    """Write a cleaned copy of FILE to --out and every change to OUT.changes.jsonl.

    Mended: wrong encodings, invisible signs, stray space, names of roles and splits, numbers as
    targets, spellings of labels, ids given twice, synthetic test rows (they train). Left out:
    rows that cannot be read or used, exact repeats, train rows that the test part holds. What a
    person must decide stays, unless --drop or --mask says otherwise. FILE is never written to.
    """
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.data_check.mend import fix, wishes_of  # noqa: PLC0415
    from advisor.formats.mapping import parse_mapping  # noqa: PLC0415
    from advisor.render.data_fix import show_data_fix  # noqa: PLC0415 - rich is slow to load

    words = {name: _words(given) for name, given in codes.items()}
    wishes = wishes_of(parse_mapping(mapping), seed=seed, **words)
    done = fix(file, out, wishes, may_replace=screen.yes)
    screen.result(document(done), lambda: show_data_fix(screen.console, done))


def _words(given: tuple[str, ...]) -> frozenset[str]:
    """Codes, given one by one or joined by commas."""
    parts = (word.strip() for text in given for word in text.split(","))
    return frozenset(word for word in parts if word)
