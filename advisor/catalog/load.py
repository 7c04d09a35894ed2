"""Reads catalog files strictly: duplicate or unknown keys are errors with file, line and path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from advisor.errors import CatalogError
from advisor.resources import rules_root

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def catalog_root() -> Path:
    """Folder of the catalog."""
    return rules_root() / "catalog"


def recipes_root() -> Path:
    """Folder of the recipes."""
    return rules_root() / "recipes"


def files_in(folder: Path) -> list[Path]:
    """The folder's YAML files, sorted by name.

    Raises CatalogError when there are none, since an empty catalog is a broken installation.
    """
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise CatalogError(
            f"The catalog folder {folder.name} holds no files.",
            hint="Reinstall the package; its data files are missing.",
            where=str(folder),
        )
    return found


class Node:
    """A mapping of a catalog file that remembers where it stands."""

    def __init__(self, file: Path, path: str, line: int, entries: dict[str, Any]) -> None:
        self.file = file
        self.path = path
        self.line = line
        self._entries = entries
        self._lines: dict[str, int] = {}

    def error(self, message: str, hint: str, key: str = "") -> CatalogError:
        """A CatalogError that points at this mapping, or at one of its keys."""
        line = self._lines.get(key, self.line)
        path = ".".join(part for part in (self.path, key) if part)
        return CatalogError(message, hint=hint, where=f"{self.file.name}:{line} ({path or 'top'})")

    def expect(self, *, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Refuse unknown keys and name missing ones."""
        needed, allowed = set(required), {*required, *optional}
        for key in self._entries:
            if key not in allowed:
                raise self.error(
                    f"Unknown key '{key}'.", f"Allowed here: {', '.join(sorted(allowed))}.", key
                )
        missing = sorted(needed - set(self._entries))
        if missing:
            raise self.error(f"Missing: {', '.join(missing)}.", "Add it.")

    def keys(self) -> list[str]:
        """Keys in the order of the file."""
        return list(self._entries)

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._entries

    def text(self, key: str, default: str = "") -> str:
        """A text; numbers and dates that need no quotes count as text."""
        value = self._entries.get(key, default)
        if isinstance(value, Node | list | bool) or value is None:
            raise self.error(f"'{key}' must be text, got {value!r}.", "Write a text.", key)
        return str(value)

    def number(self, key: str) -> float:
        """A number."""
        value = self._entries.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"'{key}' must be a number, got {value!r}.", "Write a number.", key)
        return float(value)

    def whole(self, key: str) -> int:
        """A whole number."""
        value = self.number(key)
        if value != int(value):
            raise self.error(f"'{key}' must be whole, got {value}.", "Write a whole number.", key)
        return int(value)

    def scalar(self, key: str) -> int | float | str | bool:
        """A plain value as written."""
        value = self._entries.get(key)
        if not isinstance(value, int | float | str | bool):
            raise self.error(f"'{key}' must be a plain value.", "Write a number or a text.", key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; absent means none."""
        value = self._entries.get(key, [])
        if not isinstance(value, list) or any(isinstance(v, Node | list) for v in value):
            raise self.error(f"'{key}' must be a list of texts.", "Write [a, b].", key)
        return tuple(str(v) for v in value)

    def node(self, key: str) -> Node:
        """A mapping below this one."""
        value = self._entries.get(key)
        if not isinstance(value, Node):
            raise self.error(f"'{key}' must be a mapping.", "Write key: value lines below it.", key)
        return value

    def nodes(self, key: str) -> list[Node]:
        """A list of mappings below this one."""
        value = self._entries.get(key)
        if not isinstance(value, list) or not all(isinstance(v, Node) for v in value):
            raise self.error(f"'{key}' must be a list of mappings.", "Write - key: value.", key)
        return value


def read(file: Path) -> Node:
    """A catalog file's content.

    Raises CatalogError for broken YAML, a duplicate key, or a file that is no mapping.
    """
    try:
        tree = yaml.compose(file.read_text(encoding="utf-8"), Loader=_LOADER)
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(
            f"{file.name} cannot be read: {error}.", hint="Restore the file.", where=str(file)
        ) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CatalogError(
            f"{file.name} is not valid YAML: {error.problem}.",
            hint="Mend the line named.",
            where=f"{file.name}:{line}",
        ) from error
    content = _content(tree, file, "") if tree is not None else None
    if not isinstance(content, Node):
        raise CatalogError(
            f"{file.name} holds no mapping.", hint="Write key: value lines.", where=f"{file.name}:1"
        )
    return content


def _content(tree: yaml.Node, file: Path, path: str) -> Any:
    if isinstance(tree, yaml.MappingNode):
        return _mapping(tree, file, path)
    if isinstance(tree, yaml.SequenceNode):
        return [_content(v, file, f"{path}[{i}]") for i, v in enumerate(tree.value)]
    return _scalar(tree)


def _mapping(tree: yaml.MappingNode, file: Path, path: str) -> Node:
    entries: dict[str, Any] = {}
    node = Node(file, path, tree.start_mark.line + 1, entries)
    for key_node, value_node in tree.value:
        key = str(key_node.value)
        line = key_node.start_mark.line + 1
        if key in entries:
            raise CatalogError(
                f"Duplicate key '{key}'.",
                hint="Keep one of the two lines.",
                where=f"{file.name}:{line} ({'.'.join(p for p in (path, key) if p)})",
            )
        node._lines[key] = line  # noqa: SLF001  the node is being built here
        entries[key] = _content(value_node, file, ".".join(p for p in (path, key) if p))
    return node


def _scalar(tree: yaml.Node) -> int | float | str | bool | None:
    text, kind = str(tree.value), tree.tag.rpartition(":")[2]
    if kind == "int":
        return int(text.replace("_", ""))
    if kind == "float":
        return float(text.replace("_", ""))
    if kind == "bool":
        return text.lower() in {"true", "yes", "on"}
    return None if kind == "null" else text
