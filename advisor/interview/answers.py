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
BESIDE_FACTS = frozenset({"name", "provenance", "notes"})
HINT = "`advisor rules list` and rules/facts.yaml name every fact; leave out what is not known."


def load_profile(path: Path) -> Profile:
    """The profile that a YAML or JSON file holds, nested by group or with dotted keys.

    Raises ProfileError that names file, line, key and the nearest known key; several faults are
    told together.
    """
    faults = Faults()
    document = read(path, faults)
    content = _nested(document, faults) if document else {}
    faults.raise_as(ProfileError, hint=HINT)
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        if document:
            _note_values(document, error, faults)
        faults.raise_as(ProfileError, hint=HINT)
        raise


def save_profile(profile: Profile, path: Path) -> None:
    """Write every known fact as YAML (JSON for a .json path), so that `load_profile` reads it back.

    Raises StorageError when the file cannot be written; an old file then stays as it was.
    """
    content: dict[str, Any] = {"name": profile.name}
    for fact, value in stated_facts(profile).items():
        group, _, name = fact.partition(".")
        content.setdefault(group, {})[name] = value
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
