"""A cleaned copy of a data file with a log of every change; the original is only read.

One pass mends each row by itself into a file between, a second looks at that file as a whole, a
third writes what stays. Of each row no more than a few hashes is held in memory.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from advisor.data_check.mend_asked import ASKED, drop_asked
from advisor.data_check.mend_between import (
    COVERS,
    Between,
    Wishes,
    between_source,
    json_line,
    mend_rows,
    names_of,
    numbers_as_text,
)
from advisor.data_check.mend_choice import Choice
from advisor.data_check.mend_last import LastPass
from advisor.data_check.mend_write import passing, rows_writer, storing, target_of, whole
from advisor.errors import DatasetError, InputError
from advisor.formats.opening import UTF8
from advisor.formats.readers import recognise, stream
from advisor.formats.source import Source
from advisor.schema.dataset import DataFix

DECIDED = (
    "odd_encoding", "white_space", "not_utf8", "unknown_role", "not_text", "unknown_split",
    "duplicate_id", "label_variants", "synthetic_in_test", "duplicates", "leakage",
    "placeholder_targets", "preference_equal", "empty_input", "empty_target", "missing_field",
    "conversation", "not_a_list", "weight", "tool_calls", "tools",
)  # fmt: skip
"""What is mended or left out unless it is to be kept; what cannot be read cannot be kept."""


def wishes_of(
    mapping: dict[str, str],
    *,
    drop: frozenset[str] = frozenset(),
    keep: frozenset[str] = frozenset(),
    mask: frozenset[str] = frozenset(),
    seed: int = 0,
) -> Wishes:
    """The wishes, once every code is one that can be wished for; raises InputError."""
    _refuse_strangers("--drop", drop, ASKED)
    _refuse_strangers("--keep", keep, DECIDED)
    _refuse_strangers("--mask", mask, COVERS)
    return Wishes(mapping=mapping, drop=drop, keep=keep, mask=mask, seed=seed)


def _refuse_strangers(option: str, codes: Iterable[str], known: Iterable[str]) -> None:
    choices = sorted(known)
    for code in sorted(codes):
        if code not in choices:
            close = difflib.get_close_matches(code, choices, n=1)
            guess = f" Did you mean '{close[0]}'?" if close else ""
            raise InputError(
                f"{option} does not know the code '{code}'.{guess}",
                hint=f"Codes: {', '.join(choices)}.",
            )


def fix(path: Path, out: Path, wishes: Wishes, *, may_replace: bool = False) -> DataFix:
    """Write the cleaned copy and the log beside it; both whole or not at all.

    Raises DatasetError when the file cannot be read, InputError for an `out` that is the original,
    is there already or ends in a way that does not fit, StorageError when it cannot be written.
    """
    _refuse_place(path, out, may_replace=may_replace)
    source = recognise(path, mapping=wishes.mapping)
    slips = numbers_as_text(source) and "not_text" not in wishes.keep
    target = target_of(source, out, names_of(source).texts if slips else frozenset())
    log = log_of(out)
    with ExitStack() as stack:
        stack.enter_context(storing(out))
        rows, events = (stack.enter_context(passing(out)) for _ in range(2))
        between = Between(rows, events)
        mend_rows(source, between, wishes)
        choice = _choose(source, between, wishes, out)
        last = LastPass(source, between, choice)
        copy, record = stack.enter_context(whole(out, log))
        with rows_writer(copy, target) as add, record.open("w", encoding="utf-8") as entries:
            for entry in last.entries(add):
                entries.write(json_line(entry) + "\n")
        if not last.tally.kept:
            raise _nothing_left(path, last.tally.dropped)
    tally = last.tally
    return DataFix(
        path=str(path),
        format=source.format,
        rows=between.rows,
        kept=tally.kept,
        changed=dict(sorted(tally.changed.items())),
        dropped=dict(sorted(tally.dropped.items())),
        out=str(out),
        log=str(log),
        out_format=target.name,
        notes=tuple(filter(None, (*between.unread, *source.notes, target.note, _encoded(source)))),
    )


def _refuse_place(path: Path, out: Path, *, may_replace: bool) -> None:
    original, copy = path.resolve(), out.resolve()
    if copy == original or (path.is_dir() and copy.is_relative_to(original)):
        raise InputError(
            f"{out} is the original itself, which is never written to.",
            hint="Choose another place with --out.",
            where=str(out),
        )
    if out.is_dir():
        raise InputError(
            f"{out} is a folder.", hint="Name the file to write with --out.", where=str(out)
        )
    there = next((place for place in (out, log_of(out)) if place.exists()), None)
    if there and not may_replace:
        raise InputError(
            f"{there} is there already.",
            hint="Choose another --out, or replace it with --yes.",
            where=str(there),
        )


def _nothing_left(path: Path, dropped: Mapping[str, int]) -> DatasetError:
    causes = ", ".join(f"{code} {count}" for code, count in sorted(dropped.items()))
    return DatasetError(
        f"Nothing of {path.name} would be left: {causes}.",
        hint=f"`advisor data check {path}` tells what is wrong with each row.",
        where=str(path),
    )


def _encoded(source: Source) -> str:
    foreign = any(part.layout.encoding != UTF8 for part in source.parts)
    return "The copy is written as UTF-8." if foreign else ""


def log_of(out: Path) -> Path:
    """Where the log of a copy lies."""
    return out.with_name(f"{out.name}.changes.jsonl")


def _choose(source: Source, between: Between, wishes: Wishes, out: Path) -> Choice:
    """Second pass: the file between as a whole."""
    choice = Choice(source.kind, keep=wishes.keep)
    for item in stream(between_source(source, between.path)):
        choice.take(cast("int", item.line) - 1, item)
    choice.finish()
    drop_asked(source, between, choice, wishes.drop, out=out, seed=wishes.seed)
    return choice
