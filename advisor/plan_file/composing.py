"""What the keys of a configuration mean together, once each of them is understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from advisor.errors import PlanError
from advisor.plan_file.words import OPTION, PLAN
from advisor.rulebook.reading import Faults

HALVES = ("bfloat16", "float16")
_BESIDE_LINEAR = ("embed_tokens", "lm_head", "wte", "embed_out")


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
class Said:
    """A value with the key and the line that gave it."""

    value: Any
    key: str
    line: int


@dataclass
class Findings:
    """What has been understood so far, by slot, and what has no place."""

    slots: dict[str, Said] = field(default_factory=dict)
    aside: list[str] = field(default_factory=list)
    is_axolotl: bool = False


def composed(shown: str, found: Findings, faults: Faults, *, method: str | None = None) -> PlanFile:
    """The plan file that the slots make; `method` is what was named beside the file.

    Raises PlanError for keys that contradict each other.
    """
    slots = found.slots
    plan = {s.removeprefix(PLAN): said.value for s, said in slots.items() if s.startswith(PLAN)}
    options = {s.removeprefix(OPTION): v.value for s, v in slots.items() if s.startswith(OPTION)}
    named, packed = _method_of(slots, faults, shown)
    _targets(plan, found, faults, shown)
    faults.raise_as(PlanError, hint="Name one thing in one way.")
    plan = packed | plan
    for name, value, told in _halves(found, plan, method or named):
        plan.setdefault(name, value)
        found.aside += [told] if told else []
    objective = _text(slots, "loss_objective") or _text(slots, "objective")
    if "temperature" in slots and objective == "grpo":
        options.setdefault("temperature", slots["temperature"].value)
    elif "temperature" in slots:
        why = "it counts for grpo alone, as --option temperature=NUMBER"
        found.aside.append(f"{_placed(slots['temperature'])}: {why}")
    return PlanFile(
        path=shown,
        plan=plan,
        objective=objective,
        method=named,
        model=_text(slots, "model"),
        method_options=options,
        report_to=slots["report_to"].value if "report_to" in slots else (),
        general_data=_text(slots, "general_data"),
        aside=tuple(found.aside),
    )


def _text(slots: Mapping[str, Said], slot: str) -> str | None:
    return str(slots[slot].value) if slot in slots else None


def _placed(said: Said) -> str:
    return f"{said.key} (line {said.line})" if said.line else said.key


def _targets(plan: dict[str, Any], found: Findings, faults: Faults, shown: str) -> None:
    """Every linear layer takes the named ones in; what is none cannot stand beside them."""
    every = found.slots.get("every_linear_layer")
    if every is None or not every.value:
        return
    named = [name for name in plan.get("target_modules", "").split(",") if name]
    if beside := [name for name in named if name.rpartition(".")[2] in _BESIDE_LINEAR]:
        faults.add(
            f"{shown}:{every.line or 1}",
            f"'{every.key}' takes every linear layer between input and output, and "
            f"{', '.join(beside)} cannot be added; name each layer instead",
        )
    plan["target_modules"] = "all-linear"


def _halves(
    found: Findings, plan: Mapping[str, Any], method: str | None
) -> Iterator[tuple[str, Any, str]]:
    """What computing in 16 bits says of the weights: field, value, and what a person is told.

    Trainers compute in 16 bits over weights that stay in 32; Axolotl loads the weights in 16, and
    under adapters a frozen base usually lies in 16 as well.
    """
    halves = {kind: found.slots[f"half.{kind}"] for kind in HALVES if f"half.{kind}" in found.slots}
    chosen = next((kind for kind in HALVES if kind in halves and halves[kind].value), None)
    if chosen is None:
        if "bfloat16" in halves and "precision" not in plan:
            yield "precision", "float32", ""
        return
    said = f"{_placed(halves[chosen])}: read as"
    if "precision" in plan:
        if plan["precision"] == "float32":
            yield "compute_precision", chosen, ""
    elif method == "full" and not found.is_axolotl:
        yield "precision", "float32", f"{said} computing in {chosen} over weights in float32"
        yield "compute_precision", chosen, ""
    else:
        yield "precision", chosen, f"{said} base weights in {chosen}"


def _method_of(
    slots: Mapping[str, Said], faults: Faults, shown: str
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
