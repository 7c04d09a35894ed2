"""A training configuration read: what of it is a plan, what is left aside, what nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from advisor.errors import PlanError
from advisor.plan_file.composing import Findings, PlanFile, Said, composed
from advisor.plan_file.dialect import in_our_words
from advisor.plan_file.meanings import MEANINGS
from advisor.plan_file.words import ASIDE, OPTION, PLAN, SCALARS, is_same
from advisor.resources import rules_root
from advisor.rulebook.reading import Document, Faults, parse, read, suggestion
from advisor.stages.estimate.plan.stated import COUNTS, SETTABLE, checked_value

SPELLINGS = "plan-spellings.yaml"
HINT = "Take the line out, or write it as TRL, Axolotl or LLaMA-Factory do."
BLOCKS = ("plan",)
"""Keys whose block holds plan fields."""


def read_plan(path: Path, *, method: str | None = None) -> PlanFile:
    """A YAML or JSON file in the spelling of TRL, Axolotl, LLaMA-Factory or our own.

    `method`: what was named beside the file, for keys that mean different things for all weights
    and for adapters.

    Raises PlanError, naming file and line, for a file that cannot be read, keys that nobody knows,
    keys that stand twice, values that cannot be meant, and two spellings that contradict.
    """
    faults = Faults()
    document = read(path, faults)
    found = Findings()
    if document is not None:
        _take(document, found, faults)
    faults.raise_as(PlanError, hint=HINT)
    return composed(str(path), found, faults, method=method)


def read_words(pairs: Sequence[tuple[str, str]], *, shown: str = "--set") -> PlanFile:
    """The same of keys and values as words: `learning_rate`, `2e-4`.

    Raises PlanError as `read_plan` does.
    """
    faults, found = Faults(), Findings()
    for key, text in pairs:
        document = parse(text, path=Path(shown), faults=faults, shown=shown)
        if document is not None and document.content is not None:
            _understand(key, document.content, shown, found, faults)
    faults.raise_as(PlanError, hint="`advisor train --dry-run` prints every field of a plan.")
    return composed(shown, found, faults)


def _take(document: Document, found: Findings, faults: Faults) -> None:
    content = document.content
    if not isinstance(content, dict) or not content:
        faults.add(document.shown, "a set of `key: value` is expected")
        return
    said = in_our_words(content)
    found.aside += said.aside
    found.is_axolotl = said.is_axolotl
    for key, value, loc in _entries(said.content):
        if value is not None:  # a key without a value says nothing
            _understand(key, value, document.place(loc), found, faults)


def _understand(key: str, value: Any, place: str, found: Findings, faults: Faults) -> None:
    number = place.rpartition(":")[2]
    line = int(number) if number.isdigit() else 0
    try:
        for slot, said in _slots(key, value):
            _keep(slot, Said(said, key, line), found, faults, place)
    except PlanError as error:
        faults.add(place, error.message)
    except (ValueError, TypeError, ArithmeticError) as error:
        faults.add(place, f"{key}: {error}")


def _entries(content: Mapping[Any, Any]) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    for name, value in content.items():
        key = str(name)
        if key in BLOCKS and isinstance(value, dict):
            for inner, said in value.items():
                yield str(inner), said, (key, str(inner))
        else:
            yield key, value, (key,)


def _slots(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What a key says; raises PlanError for a key that nobody knows."""
    fields, asides = spellings()
    other = differences().get(key)
    if key in MEANINGS:
        yield from MEANINGS[key](value)
    elif key in fields:
        yield f"{PLAN}{fields[key]}", value
    elif key in asides:
        yield ASIDE, asides[key]
    elif other is not None:
        yield from _otherwise(value, other)
    else:
        known = (*MEANINGS, *fields, *asides, *differences())
        raise PlanError(f"nobody knows the key '{key}'{suggestion(key, known)}", hint=HINT)


def _otherwise(value: Any, other: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Nothing where the value is ours, too; else what differs, or ValueError where it may not."""
    if is_same(value, other["usual"]):
        return
    if other.get("refuse"):
        raise ValueError(other["why"])
    yield ASIDE, f"this differs here: {other['why']}"


def _keep(slot: str, said: Said, found: Findings, faults: Faults, place: str) -> None:
    if slot == ASIDE:
        line = f" (line {said.line})" if said.line else ""
        found.aside.append(f"{said.key}{line}: {said.value}")
        return
    if slot.startswith(PLAN):
        value = checked_value(slot.removeprefix(PLAN), said.value)
        said = Said(value, said.key, said.line)
    if slot.startswith(OPTION) and not isinstance(said.value, SCALARS):
        name = slot.removeprefix(OPTION)
        faults.add(place, f"option '{name}': one name or number is expected, not {said.value!r}")
        return
    earlier = found.slots.get(slot)
    if earlier is not None and earlier.value != said.value:
        faults.add(
            place,
            f"'{said.key}' says {_shown(said.value)}, and '{earlier.key}'"
            f"{f' in line {earlier.line}' if earlier.line else ''} says {_shown(earlier.value)}; "
            "they are two spellings of one thing",
        )
        return
    found.slots.setdefault(slot, said)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def spellings() -> tuple[dict[str, str], dict[str, str]]:
    """Every spelling -> plan field, and every known key that is left aside -> why."""
    faults = Faults()
    document = read(rules_root() / SPELLINGS, faults)
    faults.raise_as(PlanError, hint="Reinstall the package; its data files are damaged.")
    content = document.content if document else {}
    fields = {name: name for name in (*SETTABLE, *COUNTS)}
    for name, others in content["fields"].items():
        fields |= dict.fromkeys(others, name)
    asides = {key: group["why"] for group in content["aside"] for key in group["keys"]}
    return fields, asides


@cache
def differences() -> dict[str, dict[str, Any]]:
    """Every key whose usual value is ours, too -> those values, what differs, and how gravely."""
    faults = Faults()
    document = read(rules_root() / SPELLINGS, faults)
    faults.raise_as(PlanError, hint="Reinstall the package; its data files are damaged.")
    content = document.content if document else {}
    return {key: group for group in content["differs"] for key in group["keys"]}
