"""The data files of a folder, in a stable order, with the splits that their names tell."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import DatasetError
from advisor.formats.columns import SPLITS
from advisor.formats.layout import plain_name
from advisor.formats.running_text import TEXT_SUFFIXES
from advisor.schema.evaluation import Split

DATA_SUFFIXES = frozenset(
    (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".parquet", ".arrow", ".feather")
)
NOT_DATA = frozenset(
    (
        "config.json",
        "dataset_dict.json",
        "dataset_info.json",
        "dataset_infos.json",
        "split.json",
        "state.json",
    )
)
"""What libraries write beside the rows."""
CACHED = "cache-"
"""How `datasets` begins the names of its intermediate results."""
NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Member:
    """One data file of a folder."""

    path: Path
    name: str
    """Relative to the folder."""
    split: Split | None
    """As the names of file and sub-folders tell."""


def members(root: Path) -> tuple[list[Member], tuple[str, ...]]:
    """The folder's data files by name, or its texts where it has none; notes on what was left out.

    Raises DatasetError when there are none.
    """
    found: list[Member] = []
    texts: list[Member] = []
    skipped: list[str] = []
    for folder, subfolders, names in os.walk(root, onerror=_refuse):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in names:
            path = Path(folder) / name
            relative = path.relative_to(root).as_posix()
            if _is_data(path):
                found.append(Member(path, relative, split_in(relative)))
            elif not name.startswith(".") and name not in NOT_DATA:
                skipped.append(relative)
                if Path(plain_name(path)).suffix.lower() in TEXT_SUFFIXES:
                    texts.append(Member(path, relative, split_in(relative)))
    if not found:
        found, read = texts, {text.name for text in texts}
        skipped = [name for name in skipped if name not in read]
    if not found:
        raise DatasetError(
            f"The folder {root} holds no data file.",
            hint="Give one file or a folder of JSONL, JSON, CSV, TSV, Parquet or Arrow files with"
            " --data, or of texts (.txt, .md) to be learnt as they are; texts to look things up in"
            " go to --docs.",
            where=str(root),
        )
    return sorted(found, key=lambda member: member.name), _note(sorted(skipped))


def _refuse(error: OSError) -> None:
    raise DatasetError(
        f"The folder {error.filename} cannot be read: {error.strerror or error}.",
        hint="Check its permissions, or give one file with --data.",
        where=str(error.filename),
    ) from error


def _is_data(path: Path) -> bool:
    name = path.name
    if name.startswith((".", "_", CACHED)) or name in NOT_DATA or not path.is_file():
        return False
    return Path(plain_name(path)).suffix in DATA_SUFFIXES


def split_in(relative: str) -> Split | None:
    """The split that a path names, the last word of it that does: `test/part-0.parquet`."""
    words = re.split(r"[^a-z]+", Path(relative).as_posix().lower())
    return next((SPLITS[word] for word in reversed(words) if word in SPLITS), None)


def _note(skipped: list[str]) -> tuple[str, ...]:
    if not skipped:
        return ()
    more = len(skipped) - NAMES_SHOWN
    shown = ", ".join(skipped[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return (f"Left out of the folder, no data: {shown}.",)
