"""The YAML files of a rules folder as values; what is wrong in one is noted with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from advisor.rulebook.reading import Document, Faults, note_invalid, read
from advisor.schema.base import Value

FOLDERS = ("decisions", "warnings", "gates", "defaults")
CASES = ".cases.yaml"

V = TypeVar("V", bound=Value)


def rule_files(root: Path) -> list[Path]:
    """Every rule file below a rules folder, in a fixed order."""
    return [
        path
        for folder in FOLDERS
        for path in sorted((root / folder).glob("*.yaml"))
        if not path.name.endswith(CASES)
    ]


def read_below(path: Path, root: Path, faults: Faults) -> Document | None:
    """A YAML file below a rules folder, shown by its path there; None after noting a fault."""
    shown = f"{root.name}/{path.relative_to(root)}" if path.is_relative_to(root) else str(path)
    return read(path, faults, shown=shown)


def entries_of(path: Path, kind: type[V], faults: Faults) -> tuple[V, ...]:
    """The entries of a file that is a list of them, each with an id of its own."""
    document = read_below(path, path.parent, faults)
    if document is None:
        return ()
    entries = each_of(document, document.content, kind, faults)
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        name = str(getattr(entry, "id", number))
        if name in seen:
            faults.add(document.place((number,)), f"the id '{name}' stands twice")
        seen.add(name)
    return entries


def each_of(
    document: Document, items: Any, kind: type[V], faults: Faults, at: tuple[str, ...] = ()
) -> tuple[V, ...]:
    """The items of a list as values of a kind."""
    if not isinstance(items, list):
        faults.add(document.place(at), "a list was expected here")
        return ()
    entries: list[V] = []
    for number, item in enumerate(items):
        try:
            entries.append(kind.model_validate(item))
        except ValidationError as error:
            note_invalid(document, error, faults, (*at, number))
    return tuple(entries)
