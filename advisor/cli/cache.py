"""`advisor cache`: completions and vectors, kept so that none is bought or computed twice."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import FiniteRange, standard_options
from advisor.cli.screen import Screen
from advisor.errors import ArtifactError, ConsentError, InputError, StorageError

if TYPE_CHECKING:
    from advisor.evaluation.cache import CompletionCache
    from advisor.schema.cache import CacheChange, CacheSummary


NAMED = 8
"""Models that an error lists."""


@click.group(name="cache")
def command() -> None:
    """Completions and vectors kept so that none is bought or computed twice.

    They lie in the user's cache folder; ADVISOR_CACHE names another file, or `off`.
    """


@command.command(name="show")
@unused_run_dir_option
@standard_options
def show_command(*, screen: Screen) -> None:
    """Where the cache lies, how large it is, and which models and embedders it holds."""
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.render.cache import show_cache  # noqa: PLC0415 - rich is slow to load

    found = _with_vectors(_opened().summary())
    screen.result(document(found), lambda: show_cache(screen.console, found))


@command.command(name="export")
@click.argument("file", type=click.Path(path_type=Path))
@unused_run_dir_option
@standard_options
def export_command(*, screen: Screen, file: Path) -> None:
    """Write every kept completion to FILE, one JSON object a line; prompts are not kept."""
    from advisor.artifacts import write_text  # noqa: PLC0415 - pydantic is slow to load
    from advisor.schema.cache import CacheChange  # noqa: PLC0415 - the same

    if file.exists():
        raise StorageError(f"{file} is there already.", hint="Name a new file.", where=str(file))
    lines = [
        json.dumps(record.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
        for record in _opened().records()
    ]
    write_text(file, "".join(f"{line}\n" for line in lines))
    _told(screen, CacheChange(exported=len(lines), file=str(file)), f"{len(lines)} written.")


@command.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@unused_run_dir_option
@standard_options
def import_command(*, screen: Screen, file: Path) -> None:
    """Take in the completions of an export; those that are kept already are replaced."""
    from pydantic import ValidationError  # noqa: PLC0415 - slow to load

    from advisor.schema.cache import CacheChange, CacheRecord  # noqa: PLC0415 - the same

    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} cannot be read: {error}.", hint="Name a file `advisor cache export` wrote."
        ) from None
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(CacheRecord.model_validate_json(line))
        except ValidationError:
            raise ArtifactError(
                f"Line {number} of {file} is no kept completion; nothing was taken in.",
                hint="Name a file `advisor cache export` wrote.",
                where=f"{file}:{number}",
            ) from None
    count = _opened().add(records)
    _told(screen, CacheChange(imported=count, file=str(file)), f"{count} taken in.")


@command.command(name="clear")
@click.option("--model", help="Only those of this model, as `advisor cache show` names it.")
@click.option("--older-than-days", type=FiniteRange(0), help="Only those older than this.")
@click.option("--vectors", is_flag=True, help="Only vectors and indexes of texts.")
@unused_run_dir_option
@standard_options
def clear_command(
    *, screen: Screen, model: str | None, older_than_days: float | None, vectors: bool
) -> None:
    """Delete kept completions and vectors. All of them only with --yes or after asking."""
    from advisor.schema.cache import CacheChange  # noqa: PLC0415 - pydantic is slow to load

    if model is not None and vectors:
        raise InputError(
            "--model chooses completions, and --vectors leaves them alone.",
            hint="Leave out one of the two.",
        )
    cache = _opened()
    if model is None and older_than_days is None and not screen.yes:
        _ask(screen, _with_vectors(cache.summary()), only_vectors=vectors)
    if model is not None:
        _refuse_unknown(model, cache.summary().models)
    gone = 0 if vectors else cache.clear(model=model, older_than_days=older_than_days)
    vectors_gone, indexes_gone = (0, 0) if model is not None else _clear_vectors(older_than_days)
    change = CacheChange(deleted=gone, deleted_vectors=vectors_gone, deleted_indexes=indexes_gone)
    told = f"{gone} completions, {vectors_gone} vectors and {indexes_gone} indexes deleted."
    _told(screen, change, told)


def _ask(screen: Screen, found: CacheSummary, *, only_vectors: bool) -> None:
    """Return when somebody agrees to lose everything. Raises ConsentError otherwise."""
    what = f"{found.vectors} vectors and {found.indexes} indexes"
    if not only_vectors:
        what = f"{found.completions} completions, {what}"
    if not screen.may_ask or not click.confirm(f"Delete all {what}?", err=True):
        raise ConsentError(
            f"Nothing was deleted: nobody agreed to lose {what}.",
            hint="Add --yes, or choose some with --model or --older-than-days.",
        )


def _with_vectors(found: CacheSummary) -> CacheSummary:
    """The same with what is kept of embedded texts."""
    from advisor.embedding import vectors_root  # noqa: PLC0415 - pydantic is slow to load
    from advisor.kept_vectors import kept_indexes, kept_vectors  # noqa: PLC0415 - the same

    root = vectors_root()
    if root is None:
        return found
    kept, searched = kept_vectors(root), kept_indexes(root)
    told = {
        "vectors": sum(kept.embedders.values()),
        "vectors_bytes": kept.bytes,
        "vectors_path": str(root),
        "embedders": kept.embedders,
        "indexes": searched.indexes,
        "indexes_bytes": searched.bytes,
    }
    return found.model_copy(update=told)


def _clear_vectors(older_than_days: float | None) -> tuple[int, int]:
    """Vectors and indexes that were deleted."""
    from advisor.embedding import vectors_root  # noqa: PLC0415 - pydantic is slow to load
    from advisor.kept_vectors import clear_indexes, clear_vectors  # noqa: PLC0415 - the same

    root = vectors_root()
    if root is None:
        return 0, 0
    gone = clear_vectors(root, older_than_days=older_than_days)
    return gone, clear_indexes(root, older_than_days=older_than_days)


def _refuse_unknown(model: str, known: Mapping[str, int]) -> None:
    if known and model not in known:
        close = difflib.get_close_matches(model, known, n=1)
        guess = f" Did you mean '{close[0]}'?" if close else ""
        more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
        raise InputError(
            f"The cache holds nothing of a model '{model}'.{guess}",
            hint=f"It holds: {', '.join(list(known)[:NAMED])}{more}.",
        )


def _told(screen: Screen, change: CacheChange, sentence: str) -> None:
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load

    screen.result(document(change), lambda: click.echo(sentence))


def _opened() -> CompletionCache:
    from advisor.evaluation.cache import opened  # noqa: PLC0415 - pydantic is slow to load

    cache = opened()
    if cache is None:
        raise InputError(
            "The cache is switched off by ADVISOR_CACHE.",
            hint="Unset ADVISOR_CACHE, or let it name a file.",
        )
    return cache
