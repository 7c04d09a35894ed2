"""Turns the text of a catalog file into mappings that remember their lines; needs a YAML parser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from advisor.catalog.load import Node
from advisor.errors import CatalogError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(file: Path) -> Node:
    """A catalog file's content.

    Raises CatalogError for broken YAML, a duplicate key, or a file that is no mapping.
    """
    try:
        tree = yaml.compose(file.read_text(encoding="utf-8"), Loader=_LOADER)
    except FileNotFoundError as error:
        raise CatalogError(
            f"There is no file {file}.", hint="Check its path, or restore it.", where=str(file)
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(
            f"{file.name} cannot be read: {error}.",
            hint="Check that it is a text file you may read, or restore it.",
            where=str(file),
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
    lines: dict[str, int] = {}
    for key_node, value_node in tree.value:
        key = str(key_node.value)
        line = key_node.start_mark.line + 1
        below = ".".join(part for part in (path, key) if part)
        if key in entries:
            raise CatalogError(
                f"Duplicate key '{key}'.",
                hint="Keep one of the two lines.",
                where=f"{file.name}:{line} ({below})",
            )
        lines[key] = line
        entries[key] = _content(value_node, file, below)
    return Node(file, path, tree.start_mark.line + 1, entries, lines)


def _scalar(tree: yaml.Node) -> int | float | str | bool | None:
    text, kind = str(tree.value), tree.tag.rpartition(":")[2]
    if kind == "int":
        return int(text.replace("_", ""))
    if kind == "float":
        return float(text.replace("_", ""))
    if kind == "bool":
        return text.lower() in {"true", "yes", "on"}
    return None if kind == "null" else text
