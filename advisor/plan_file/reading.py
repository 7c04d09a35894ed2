"""A training configuration read: what of it is a plan, what is left aside, what nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from advisor.errors import PlanError
from advisor.plan_file.meanings import MEANINGS
from advisor.plan_file.words import ASIDE
from advisor.resources import rules_root
from advisor.rulebook.reading import Document, Faults, parse, read, suggestion
from advisor.stages.estimate.plan.stated import COUNTS, SETTABLE, checked_value

SPELLINGS = "plan-spellings.yaml"
PLAN, OPTION = "plan.", "option."
HINT = "Take the line out, or write it as TRL, Axolotl or LLaMA-Factory do."
BLOCKS = ("plan",)
"""Keys whose block holds plan fields."""


@dataclass(frozen=True)
class PlanFile:
    """What a configuration fixes, under the names of plan and settings."""

    path: str
    plan: dict[str, Any] = field(default_factory=dict)
    objective: str | None = None
    method: str | None = None
    model: str | None = None
    method_options: dict[str, bool | int | float | str] = field(default_factory=dict)
    report_to: tuple[str, ...] = ()
    general_data: str | None = None
    aside: tuple[str, ...] = ()
    """'datasets (line 12): the data is the run's, named with --data', and so on."""


@dataclass(frozen=True)
class _Said:
    """A value with the key and the line that gave it."""

    value: Any
    key: str
    line: int


@dataclass
class _Findings:
    slots: dict[str, _Said] = field(default_factory=dict)
    aside: list[str] = field(default_factory=list)


def read_plan(path: Path) -> PlanFile:
    """A YAML or JSON file in the spelling of TRL, Axolotl, LLaMA-Factory or our own.

    Raises PlanError, naming file and line, for a file that cannot be read, keys that nobody knows,
    keys that stand twice, values that cannot be meant, and two spellings that contradict.
    """
    faults = Faults()
    document = read(path, faults)
    found = _Findings()
    if document is not None:
        _take(document, found, faults)
    faults.raise_as(PlanError, hint=HINT)
    return _composed(path, found, faults)


def read_words(pairs: Sequence[tuple[str, str]], *, shown: str = "--set") -> PlanFile:
    """The same of keys and values as words: `learning_rate`, `2e-4`.

    Raises PlanError as `read_plan` does.
    """
    faults, found = Faults(), _Findings()
    for key, text in pairs:
        document = parse(text, path=Path(shown), faults=faults, shown=shown)
        if document is not None and document.content is not None:
            _understand(key, document.content, shown, found, faults)
    faults.raise_as(PlanError, hint="`advisor train --dry-run` prints every field of a plan.")
    return _composed(Path(shown), found, faults)


def _take(document: Document, found: _Findings, faults: Faults) -> None:
    content = document.content
    if not isinstance(content, dict) or not content:
        faults.add(document.shown, "a set of `key: value` is expected")
        return
    for key, value, loc in _entries(content):
        if value is not None:  # a key without a value says nothing
            _understand(key, value, document.place(loc), found, faults)


def _understand(key: str, value: Any, place: str, found: _Findings, faults: Faults) -> None:
    number = place.rpartition(":")[2]
    line = int(number) if number.isdigit() else 0
    try:
        for slot, said in _slots(key, value):
            _keep(slot, _Said(said, key, line), found, faults, place)
    except PlanError as error:
        faults.add(place, error.message)
    except (ValueError, TypeError) as error:
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
    if key in MEANINGS:
        yield from MEANINGS[key](value)
    elif key in fields:
        yield f"{PLAN}{fields[key]}", value
    elif key in asides:
        yield ASIDE, asides[key]
    else:
        known = (*MEANINGS, *fields, *asides)
        raise PlanError(f"nobody knows the key '{key}'{suggestion(key, known)}", hint=HINT)


def _keep(slot: str, said: _Said, found: _Findings, faults: Faults, place: str) -> None:
    if slot == ASIDE:
        line = f" (line {said.line})" if said.line else ""
        found.aside.append(f"{said.key}{line}: {said.value}")
        return
    if slot.startswith(PLAN):
        value = checked_value(slot.removeprefix(PLAN), said.value)
        said = _Said(value, said.key, said.line)
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


def _composed(path: Path, found: _Findings, faults: Faults) -> PlanFile:
    slots = found.slots
    plan = {s.removeprefix(PLAN): said.value for s, said in slots.items() if s.startswith(PLAN)}
    method, packed = _method_of(slots, faults, str(path))
    faults.raise_as(PlanError, hint="Name one method.")
    for name, value in packed.items():
        plan.setdefault(name, value)

    def text(slot: str) -> str | None:
        return str(slots[slot].value) if slot in slots else None

    return PlanFile(
        path=str(path),
        plan=plan,
        objective=text("loss_objective") or text("objective"),
        method=method,
        model=text("model"),
        method_options={
            s.removeprefix(OPTION): said.value for s, said in slots.items() if s.startswith(OPTION)
        },
        report_to=slots["report_to"].value if "report_to" in slots else (),
        general_data=text("general_data"),
        aside=tuple(found.aside),
    )


def _method_of(
    slots: Mapping[str, _Said], faults: Faults, shown: str
) -> tuple[str | None, dict[str, str]]:
    """The method that family and bits mean together, and how its base is packed."""
    named, family, bits = (slots.get(name) for name in ("method", "family", "bits"))
    if family is None and bits is None:
        return (str(named.value) if named else None), {}
    kind, packed_to = (family.value if family else "lora"), (bits.value if bits else None)
    if packed_to and kind == "full":
        faults.add(
            f"{shown}:{bits.line if bits else 1}",
            f"'{bits.key if bits else ''}' packs a base, and all of its weights are to be trained",
        )
        return None, {}
    method, packed = _packed(kind, packed_to)
    if named is not None and named.value != method:
        if named.value == "qlora" and kind == "lora":
            return "qlora", packed
        other = family or bits
        faults.add(
            f"{shown}:{named.line}",
            f"'method' says {named.value}, and '{other.key if other else ''}' means {method}",
        )
    return method, packed


def _packed(kind: str, bits: int | None) -> tuple[str, dict[str, str]]:
    if kind in {"lora", "qlora"} and (bits or kind == "qlora"):
        return "qlora", {"quantisation": "int8"} if bits == 8 else {}
    if bits:
        return kind, {"quantisation": "nf4" if bits == 4 else "int8"}
    return kind, {}
