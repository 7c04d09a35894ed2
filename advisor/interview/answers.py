"""Profiles as files: what a person wrote becomes facts, and facts become a file again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from advisor.artifacts import write_text
from advisor.errors import ProfileError
from advisor.rulebook.conditions import GROUPS, stated_facts
from advisor.rulebook.reading import Document, Faults, read, suggestion
from advisor.schema.profile import Profile

ENVELOPE = frozenset({"schema_version", "advisor_version", "as_of", "artifact"})
BESIDE_FACTS = frozenset({"name", "provenance", "notes", "unknown"})
NO_FILE = "Check the path; `advisor interview --save FILE` writes such a file."
A_FOLDER = "Name the file with the answers, not a folder."
NOT_READ = "Check that you may read it and that it is text in UTF-8."
NOT_YAML = "Mend the line: a colon and a space after each name, the same indent below each group."
TWICE = "Keep one of the two."
NAMES = "rules/facts.yaml names every fact; leave out what is not known."
VALUES = "Give a value as the message says, or leave the fact out when it is not known."


def load_profile(path: Path) -> Profile:
    """The profile that a YAML or JSON file holds, nested by group or with dotted keys.

    `unknown` lists facts that nobody knows. Raises ProfileError that names file, line, key and the
    nearest known key; several faults are told together, each kind with its own hint.
    """
    faults = Faults()
    document = read(path, faults)
    if document is None:
        faults.raise_as(ProfileError, hint=_hint_of_unread(path))
    hints = [TWICE] if faults.found else []
    told = len(faults.found)
    content = _nested(document, faults) if document else {}
    hints += [NAMES] if len(faults.found) > told else []
    faults.raise_as(ProfileError, hint=" ".join(hints))
    try:
        return _consistent(Profile.model_validate(content))
    except ValidationError as error:
        if document:
            _note_values(document, error, faults)
        faults.raise_as(ProfileError, hint=VALUES)
        raise


def _hint_of_unread(path: Path) -> str:
    if path.is_dir():
        return A_FOLDER
    if not path.exists():
        return NO_FILE
    try:
        path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return NOT_READ
    return NOT_YAML


def _consistent(profile: Profile) -> Profile:
    """The profile in which no stated fact counts as unknown too."""
    stated = stated_facts(profile)
    unknown = tuple(fact for fact in dict.fromkeys(profile.unknown) if fact not in stated)
    return profile.model_copy(update={"unknown": unknown})


def is_run_document(path: Path) -> bool:
    """Whether the file is a document of a run folder, which says what it was made from."""
    document = read(path, Faults())
    content = document.content if document else None
    return isinstance(content, dict) and "artifact" in content


def save_profile(profile: Profile, path: Path) -> None:
    """Write every known fact as YAML (JSON for a .json path), so that `load_profile` reads it back.

    Beside the facts stand `unknown`, what nobody knows, and `provenance`, what was not answered.
    Raises StorageError when the file cannot be written; an old file then stays as it was.
    """
    content: dict[str, Any] = {"name": profile.name}
    for fact, value in stated_facts(profile).items():
        group, _, name = fact.partition(".")
        content.setdefault(group, {})[name] = value
    sources = {fact: s for fact, s in profile.provenance.items() if s != "asked"}
    if sources:
        content["provenance"] = sources
    if profile.unknown:
        content["unknown"] = list(profile.unknown)
    if path.suffix == ".json":
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    else:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_text(path, text)


def _nested(document: Document, faults: Faults) -> dict[str, Any]:
    """The content by group; unknown groups and facts go to `faults`."""
    content = {} if document.content is None else document.content
    if not isinstance(content, dict):
        faults.add(document.place(()), "a profile is a set of facts, such as `task: {kind: chat}`")
        return {}
    nested: dict[str, Any] = {}
    for key, value in content.items():
        word = str(key)
        group, dot, name = word.partition(".")
        if word in ENVELOPE:
            continue
        if word in BESIDE_FACTS:
            nested[word] = value
            if word == "unknown":
                nested[word] = _unknown(document, value, faults)
        elif group not in GROUPS:
            _note_unknown_group(document, word, faults)
        elif dot:
            nested.setdefault(group, {})[name] = value
            _note_unknown_facts(document, (word,), group, {name: value}, faults)
        elif value is None or isinstance(value, dict):
            nested.setdefault(group, {}).update(value or {})
            _note_unknown_facts(document, (word,), group, value or {}, faults)
        else:
            faults.add(document.place((word,)), f"{word}: facts are expected below this group")
    return nested


def _unknown(document: Document, value: Any, faults: Faults) -> list[str]:
    """The facts listed as unknown; what is none goes to `faults`."""
    if value is None:
        return []
    if not isinstance(value, list):
        faults.add(document.place(("unknown",)), "unknown: a list of facts is expected")
        return []
    known = set(_all_facts())
    for place, name in enumerate(value):
        if name not in known:
            near = suggestion(str(name), known)
            faults.add(document.place(("unknown", place)), f"unknown fact '{name}'{near}")
    return [str(name) for name in value]


def _note_unknown_group(document: Document, word: str, faults: Faults) -> None:
    known = [*_all_facts(), *_bare_facts()] if "." in word else [*GROUPS, *_bare_facts()]
    near = suggestion(word, known)
    bare = _bare_facts().get(word)
    if bare:
        near = f"; did you mean '{bare}'?"
    faults.add(document.place((word,)), f"unknown key '{word}'{near or _groups_told()}")


def _groups_told() -> str:
    return f"; the groups are {', '.join(GROUPS)}"


def _note_unknown_facts(
    document: Document,
    loc: tuple[str, ...],
    group: str,
    facts: dict[Any, Any],
    faults: Faults,
) -> None:
    known = set(_fields_of(group))
    for name in facts:
        if name in known:
            continue
        fact = f"{group}.{name}"
        near = suggestion(fact, _all_facts())
        place = document.place(loc if "." in loc[0] else (*loc, str(name)))
        faults.add(place, f"unknown fact '{fact}'{near}")


def _note_values(document: Document, error: ValidationError, faults: Faults) -> None:
    for item in error.errors():
        loc = [str(part) for part in item["loc"]]
        fact = ".".join(loc)
        value = item.get("input")
        message = item["msg"].removeprefix("Input ")
        if item["type"] == "literal_error":
            choices = str(item.get("ctx", {}).get("expected", "")).replace("'", "")
            near = suggestion(str(value), choices.replace(" or ", ", ").split(", "))
            message = f"should be one of {choices}{near}"
        written = fact in document.content if isinstance(document.content, dict) else False
        place = document.place((fact,) if written else loc)
        faults.add(place, f"{fact}: {value!r} {message}")


def _fields_of(group: str) -> list[str]:
    kind: Any = Profile.model_fields[group].annotation
    return list(kind.model_fields)


def _all_facts() -> list[str]:
    return [f"{group}.{name}" for group in GROUPS for name in _fields_of(group)]


def _bare_facts() -> dict[str, str]:
    """Fact names without their group, for who forgot it."""
    return {fact.partition(".")[2]: fact for fact in _all_facts()}
