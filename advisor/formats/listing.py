"""Which files of a folder are looked at: in a stable order, none hidden, none from outside."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

HIDDEN = "hidden"
OUTSIDE = "a link that leads out of the folder"
LINKED = "a linked folder"
SPECIAL = "no regular file"
LOCKED = "a folder that cannot be opened"


@dataclass(slots=True)
class Listing:
    """Files relative to the root, sorted, and what was left out by reason."""

    files: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, why: str, name: str) -> None:
        """Note that something is not looked at."""
        self.left_out.setdefault(why, []).append(name)


def listing(root: Path) -> Listing:
    """Every file below the root; folders behind links are not entered, files only from inside."""
    found = Listing()
    inside = root.resolve()

    def locked(error: OSError) -> None:
        place = Path(str(error.filename))
        found.leave_out(LOCKED, f"{place.relative_to(root).as_posix()}/")

    for folder, subfolders, names in os.walk(root, onerror=locked):
        here = Path(folder)
        for name in sorted(subfolders):
            why = _why_not(here, name, inside)
            if why or (here / name).is_symlink():
                relative = (here / name).relative_to(root).as_posix()
                found.leave_out(why or LINKED, f"{relative}/")
                subfolders.remove(name)
        prefix = "" if here == root else f"{here.relative_to(root).as_posix()}/"
        for name in names:
            why = _why_not(here, name, inside)
            if why:
                found.leave_out(why, prefix + name)
            else:
                found.files.append(prefix + name)
    found.files.sort()
    found.left_out = {why: sorted(found.left_out[why]) for why in sorted(found.left_out)}
    return found


def _why_not(folder: Path, name: str, inside: Path) -> str:
    """Why a file or folder is not looked at; empty where it is."""
    if name.startswith((".", "~$")):
        return HIDDEN
    path = os.path.join(folder, name)  # noqa: PTH118 - thousands of files: a third of the time
    if not os.path.islink(path):  # noqa: PTH114 - the same
        is_plain = os.path.isfile(path) or os.path.isdir(path)  # noqa: PTH112, PTH113 - the same
        return "" if is_plain else SPECIAL
    try:
        is_inside = Path(path).resolve(strict=True).is_relative_to(inside)
    except (OSError, RuntimeError):
        return SPECIAL
    return "" if is_inside else OUTSIDE
