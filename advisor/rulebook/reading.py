"""YAML as the rules use it: no duplicate keys, dates as text, only true and false are booleans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from advisor.errors import AdvisorError

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LISTS = ("tuple_type", "list_type")
EXPECTED = {
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a set of `key: value`",
    "model_type": "a set of `key: value`",
    "model_attributes_type": "a set of `key: value`",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}
"""What is expected instead, by the library's word for the fault."""
EMPTY = "this file is empty"
_BOOL = re.compile(r"^(?:true|false)$")


@dataclass
class Faults:
    """Everything found wrong in a set of files, told together."""

    found: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of place (file and line) and sentence."""

    def add(self, where: str, message: str) -> None:
        """Remember one fault."""
        self.found.append((where, message))

    def raise_as(self, kind: type[AdvisorError], *, hint: str) -> None:
        """Raise one error for all faults, if there are any."""
        if not self.found:
            return
        places = dict.fromkeys(where for where, _ in self.found)
        if len(self.found) == 1:
            where, message = self.found[0]
            raise kind(message, hint=hint, where=where)
        count = "place" if len(places) == 1 else "places"
        lines = "\n".join(f"  {where}: {message}" for where, message in self.found)
        raise kind(
            f"{len(self.found)} faults in {len(places)} {count}:\n{lines}",
            hint=hint,
            where=self.found[0][0],
        )


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader, which notes duplicate keys instead of keeping the last one in silence."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.duplicates: list[tuple[int, str]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- the library's signature
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                self.duplicates.append((key.start_mark.line + 1, name))
            seen.add(name)
        result: dict[Any, Any] = super().construct_mapping(node, deep)
        return result


def _without_surprises(resolvers: dict[str, list[tuple[str, Any]]]) -> dict[str, Any]:
    kept: dict[str, list[tuple[str, Any]]] = {}
    for first, entries in resolvers.items():
        wanted = [e for e in entries if not e[0].endswith((":timestamp", ":bool"))]
        kept[first] = wanted
    for first in "tf":
        kept[first] = [("tag:yaml.org,2002:bool", _BOOL), *kept.get(first, [])]
    return kept


_Loader.yaml_implicit_resolvers = _without_surprises(_Loader.yaml_implicit_resolvers)


@dataclass(frozen=True)
class Document:
    """One YAML file: where it lies, its text and its content."""

    path: Path
    shown: str
    """The path as messages name it."""
    text: str
    content: Any

    def place(self, loc: Sequence[str | int]) -> str:
        """File and line of an entry, as near as the path leads."""
        return f"{self.shown}:{_line_of(self.text, loc)}"


def read(path: Path, faults: Faults, *, shown: str = "") -> Document | None:
    """A YAML file's content, or None after noting what is wrong with it."""
    shown = shown or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        faults.add(shown, "this file does not exist")
        return None
    except (OSError, UnicodeDecodeError) as error:
        faults.add(shown, f"this file cannot be read: {error}")
        return None
    return parse(text, path=path, faults=faults, shown=shown)


def parse(text: str, *, path: Path, faults: Faults, shown: str) -> Document | None:
    """YAML text as a document, or None after noting what is wrong with it."""
    loader = _Loader(text)
    try:
        content = loader.get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        faults.add(f"{shown}{line}", f"this is not valid YAML: {problem}")
        return None
    finally:
        loader.dispose()
    for number, key in loader.duplicates:
        faults.add(f"{shown}:{number}", f"the key '{key}' stands twice")
    return Document(path=path, shown=shown, text=text, content=content)


def note_invalid(
    document: Document, error: ValidationError, faults: Faults, at: tuple[str | int, ...] = ()
) -> None:
    """Turn a validation error into one fault per wrong entry, with file, line and path."""
    found = error.errors()
    for item in found:
        if item["type"] == "too_short" and _has_worse(item["loc"], found):
            continue
        loc = (*at, *item["loc"])
        path = ".".join(str(part) for part in loc)
        message = _in_words(item)
        if item["type"] == "extra_forbidden":
            message = f"unknown key '{item['loc'][-1]}'"
            message += suggestion(str(item["loc"][-1]), _known_keys(error.title))
        elif item["type"] == "missing":
            message = f"the key '{item['loc'][-1]}' is missing"
        faults.add(document.place(loc), f"{path}: {message}" if path else message)


def _in_words(item: Any) -> str:
    """A fault of the library's in words that need no knowledge of it."""
    kind, given = item["type"], item["input"]
    if item["loc"] and item["loc"][-1] == "then" and kind in LISTS:
        return "a list of effects is expected"
    if kind in EXPECTED:
        told = f", not {given!r}" if isinstance(given, str | int | float) else ""
        return f"{EXPECTED[kind]} is expected{told}"
    if kind == "string_too_short":
        return "this must not be empty"
    said: str = item["msg"]
    if kind == "literal_error" and isinstance(given, str):
        said += f", not '{given}'"
    return said.removeprefix("Value error, ").replace("Input should be", "this should be")


def _has_worse(loc: Sequence[str | int], found: Iterable[Any]) -> bool:
    """Whether entries of a list were refused, so that it is too short for no fault of its own."""
    return any(len(i["loc"]) > len(loc) and tuple(i["loc"])[: len(loc)] == loc for i in found)


def suggestion(word: str, known: Iterable[str]) -> str:
    """A question naming the nearest known word, or nothing."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _known_keys(title: str) -> list[str]:
    keys: list[str] = []
    waiting = list(BaseModel.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if (
            kind.__module__ in ("advisor.schema.rule", "advisor.schema.facts")
            or kind.__name__ == title
        ):
            keys.extend(kind.model_fields)
    return keys


def _line_of(text: str, loc: Sequence[str | int]) -> int:
    """Line of the deepest entry on the path that the text holds, counted from 1."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return 1
    line = node.start_mark.line if node else 0
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(part)]
            if not found:
                break
            line, node = found[-1][0].start_mark.line, found[-1][1]
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return int(line) + 1
