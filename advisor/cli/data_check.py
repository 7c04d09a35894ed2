"""`advisor data check`: every fault of a data file before anything is built on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import standard_options
from advisor.cli.pages import refuse_place
from advisor.cli.screen import Screen
from advisor.errors import DatasetError

if TYPE_CHECKING:
    from advisor.schema.dataset import DataCheck


@click.command(name="check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "mapping", default="", help="Fields by hand: input=frage,target=antwort.")
@click.option("--seq-len", type=click.IntRange(1), help="Length at which training cuts a row.")
@click.option(
    "--docs", type=click.Path(path_type=Path), help="Documents that may give test items away."
)
@click.option("--model", help="Model whose tokenizer counts; without it tokens are estimated.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the split.")
@click.option("--html", type=click.Path(path_type=Path), help="Also write the check as a page.")
@click.option("--markdown", type=click.Path(path_type=Path), help="And as Markdown, for a review.")
@unused_run_dir_option
@standard_options
def command(
    *, screen: Screen, file: Path, html: Path | None, markdown: Path | None, **asked: Any
) -> None:
    """Format, faulty rows, duplicates, leaks, contradictions, lengths and splits of FILE.

    Looks also for cut and empty targets, refusals, loops, odd letters, secrets, data of persons and
    hidden instructions. FILE is JSON Lines, a JSON array, CSV, TSV, Parquet or Arrow, also packed,
    or a folder of them; rows are prompt and completion, question and answer, instruction and
    output, text and label, messages, ShareGPT conversations, preferences or plain text.
    """
    from advisor.artifacts import document, write_text  # noqa: PLC0415 - pydantic is slow to load

    _refuse_places(
        file, asked["docs"], {"--html": html, "--markdown": markdown}, may_replace=screen.yes
    )
    found, refused = _checked(screen, file, **asked)
    if html is not None:
        from advisor.render.html_data_check import to_html  # noqa: PLC0415 - only for a page

        write_text(html, to_html(found), option="--html")
        screen.note(f"Written: {html}")

    if markdown is not None:
        from advisor.render.markdown_data_check import to_markdown  # noqa: PLC0415 - only for it

        write_text(markdown, to_markdown(found), option="--markdown")
        screen.note(f"Written: {markdown}")

    def show() -> None:
        from advisor.render.data_check import show_data_check  # noqa: PLC0415 - rich is slow

        show_data_check(screen.console, found)

    if refused is None:
        screen.result(document(found), show)
        return
    if not screen.as_json:
        show()
    raise refused


MARKS = {"--html": "<title>Data check: ", "--markdown": "# Data check of "}
"""What the first lines of such a page hold."""


def _refuse_places(
    file: Path, docs: Path | None, pages: Mapping[str, Path | None], *, may_replace: bool
) -> None:
    """Raises InputError where a page would overwrite what it must not, before any work is done."""
    read = [path for path in (file, docs) if path is not None]
    for option, page in pages.items():
        if page is not None:
            refuse_place(page, option, inputs=read, mark=MARKS[option], may_replace=may_replace)
            read.append(page)


def _checked(screen: Screen, file: Path, **asked: Any) -> tuple[DataCheck, DatasetError | None]:
    """The check; where no row is usable, that of the faults alone with the error to end in."""
    from advisor.data_check.check import check_faults, check_file, covered  # noqa: PLC0415 - slow to load
    from advisor.formats.documents import read_corpus  # noqa: PLC0415
    from advisor.formats.mapping import parse_mapping  # noqa: PLC0415
    from advisor.formats.readers import recognise  # noqa: PLC0415
    from advisor.registry import readers  # noqa: PLC0415

    mapping = parse_mapping(asked["mapping"])
    source = recognise(file, mapping=mapping)
    docs = asked["docs"]
    count, counted_by = _counter(screen, asked["model"])
    corpus = read_corpus(docs, readers()) if docs else None
    refused = None
    try:
        found = check_file(
            source,
            seed=asked["seed"],
            sequence_length=asked["seq_len"],
            documents=corpus.documents if corpus else (),
            count=count,
            counted_by=counted_by,
        )
    except DatasetError as error:
        found, refused = check_faults(source), error
    notes = (*found.notes, *(corpus.notes if corpus else ()))
    return covered(found.model_copy(update={"mapping": mapping, "notes": notes})), refused


def _counter(screen: Screen, model: str | None) -> tuple[Any, str]:
    """How tokens are counted and by whose tokenizer; nothing where they are estimated."""
    if model is None:
        return None, ""
    from advisor.catalog.query import find_model  # noqa: PLC0415 - only with --model
    from advisor.lengths import token_counter  # noqa: PLC0415

    card = find_model(model)
    count = token_counter(card)
    if count is None:
        screen.note(f"The tokenizer of {card.id} is not on this machine: tokens are estimated.")
        return None, ""
    return count, f"counted by the tokenizer of {card.id}"
