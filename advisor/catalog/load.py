"""Reads catalog files strictly: duplicate or unknown keys are errors with file, line and path."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from advisor.errors import CatalogError
from advisor.resources import rules_root


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

    def __init__(
        self,
        file: Path,
        path: str,
        line: int,
        entries: dict[str, Any],
        lines: dict[str, int],
    ) -> None:
        self.file = file
        self.path = path
        self.line = line
        self._entries = entries
        self._lines = lines

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

    def yes(self, key: str, *, default: bool) -> bool:
        """A yes or no."""
        value = self._entries.get(key, default)
        if not isinstance(value, bool):
            raise self.error(f"'{key}' must be yes or no, got {value!r}.", "Write true.", key)
        return value

    def day(self, key: str) -> str:
        """A date in ISO format."""
        text = self.text(key)
        try:
            date.fromisoformat(text)
        except ValueError:
            raise self.error(
                f"'{key}' must be a date, got '{text}'.", "Write 2026-11-22.", key
            ) from None
        return text

    def money(self, key: str) -> str:
        """An amount of money above nothing, exactly as written; it must be text, not a number."""
        value = self._entries.get(key)
        if not isinstance(value, str):
            raise self.error(f"Money is written as text, got {value!r}.", 'Write "1.25".', key)
        try:
            amount = Decimal(value)
        except InvalidOperation:
            raise self.error(f"'{value}' is no amount of money.", 'Write "1.25".', key) from None
        if not amount.is_finite() or amount <= 0:
            raise self.error(f"'{value}' is no price.", 'Write "1.25".', key)
        return value

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

    def content(self) -> dict[str, Any]:
        """All entries as plain values, mappings below included."""
        return {key: _plain_value(value) for key, value in self._entries.items()}

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


def _plain_value(value: Any) -> Any:
    if isinstance(value, Node):
        return value.content()
    return [_plain_value(v) for v in value] if isinstance(value, list) else value


def read(file: Path) -> Node:
    """A catalog file's content.

    Raises CatalogError for broken YAML, a duplicate key, or a file that is no mapping.
    """
    from advisor.catalog.parse import parse  # noqa: PLC0415 - only a rebuild of the cache parses

    return parse(file)
