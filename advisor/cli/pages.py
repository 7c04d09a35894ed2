"""Where a command may write a page: never over data, and over a file only that it wrote itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from advisor.errors import InputError

HEAD_BYTES = 2_000


def refuse_place(
    page: Path, option: str, *, inputs: Iterable[Path], mark: str, may_replace: bool
) -> None:
    """Raises InputError where a page would take the place of something else.

    `mark` stands in the first bytes of every such page; other files are replaced with --yes, what
    is read never.
    """
    place = page.resolve()
    hint = f"Choose another place with {option}."
    for source in inputs:
        original = source.resolve()
        if place == original or (place.exists() and place.is_relative_to(original)):
            raise InputError(
                f"{option} {page} would overwrite what is read.", hint=hint, where=str(page)
            )
    if place.is_dir():
        raise InputError(f"{option} {page} is a folder.", hint=hint, where=str(page))
    if place.exists() and not may_replace and not _is_ours(place, mark):
        raise InputError(
            f"{page} is there already and is no earlier page of this command.",
            hint=f"Choose another place with {option}, or replace it with --yes.",
            where=str(page),
        )


def _is_ours(place: Path, mark: str) -> bool:
    if not place.is_file():
        return False
    with place.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    return not head.strip() or mark.encode() in head
