"""Which values of a fact are worth trying: one on each side of every threshold of the rules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from advisor.rulebook.atoms import Atoms
from advisor.rulebook.conditions import comparisons
from advisor.rulebook.derived import DERIVED
from advisor.schema.facts import Fact
from advisor.schema.rule import Condition, Rulebook, Scalar

SHARE = "share of 1"
MOST_TIMES = 100
YES_OR_NO, CHOICE = 1.0, 2.0
MEASURED_AGAIN = frozenset({"dataset", "documents", "catalog", "baseline", "gate"})
"""What can come out otherwise when it is measured again; a machine stays what it is."""


class Cell(NamedTuple):
    """Values of a fact that no rule tells apart."""

    values: tuple[Scalar, ...]
    bits: int
    """What the rules know of the fact once it has one of them."""
    weight: float = 1.0
    """How likely an answer falls here, beside the other cells of the fact."""

    @property
    def value(self) -> Scalar:
        """The value that stands for all of them."""
        return self.values[0]


def values_worth_trying(rulebook: Rulebook) -> dict[str, tuple[Scalar, ...]]:
    """For every fact that a decision rule asks for: values on either side of each threshold."""
    vocabulary = {fact.id: fact for fact in rulebook.vocabulary}
    found: dict[str, dict[Scalar, None]] = {}
    for rule in rulebook.rules:
        if rule.kind != "decision" or rule.status != "active":
            continue
        for part in comparisons(rule.when):
            fact = vocabulary.get(part.fact or "")
            if fact is not None:
                values = found.setdefault(fact.id, {})
                values.update(dict.fromkeys(_sides(part, fact)))
    return {fact: tuple(values) for fact, values in found.items()}


def cells_of(
    vocabulary: Mapping[str, Fact], tried: Mapping[str, Sequence[Scalar]], atoms: Atoms
) -> dict[str, tuple[Cell, ...]]:
    """The values of every fact, put together where no rule tells them apart.

    An answer that the interview offers stands for its cell before a bare threshold does.
    """
    return {fact: _cells(vocabulary[fact], values, atoms) for fact, values in tried.items()}


def _cells(fact: Fact, tried: Iterable[Scalar], atoms: Atoms) -> tuple[Cell, ...]:
    offered = [preset.value for preset in fact.presets]
    found: dict[int, list[Scalar]] = {}
    for value in (*offered, *tried):
        found.setdefault(atoms.bits(fact.id, value), []).append(value)
    weights = {
        bits: 1.0 + sum(value in offered for value in values) for bits, values in found.items()
    }
    return tuple(
        Cell(values=tuple(values), bits=bits, weight=weights[bits])
        for bits, values in found.items()
    )


def shares_of(cells: Mapping[str, Sequence[Cell]], atoms: Atoms) -> dict[int, float]:
    """For the place of every comparison: the share of its fact's answers that it holds for."""
    shares: dict[int, float] = {}
    for fact, parts in atoms.of_fact.items():
        total = sum(cell.weight for cell in cells.get(fact, ()))
        for part in parts:
            shift = atoms.shift(part)
            met = sum(cell.weight for cell in cells.get(fact, ()) if cell.bits >> shift & 1)
            shares[shift] = met / total if total else 0.5
    return shares


def distance(fact: Fact, here: Scalar, there: Scalar) -> float:
    """How large a change is, so that changes of different facts can be compared.

    A yes or a no counts 1, another choice 2, a share four times its difference, and any other
    number the logarithm of the ratio (of one more than each, so that nought has a place).
    """
    if isinstance(here, bool | str) or isinstance(there, bool | str):
        return CHOICE if fact.type == "choice" else YES_OR_NO
    if fact.unit == SHARE:
        return abs(there - here) * 4
    if min(here, there) < 0:
        return math.log1p(abs(there - here))
    return abs(math.log((there + 1) / (here + 1)))


def edges(cell: Cell) -> tuple[Scalar, ...]:
    """The smallest and the largest number of a cell; every value of another kind."""
    numbers = [v for v in cell.values if not isinstance(v, bool | str)]
    return (min(numbers), max(numbers)) if numbers else cell.values


def is_too_far_down(fact: Fact, here: Scalar, there: Scalar) -> bool:
    """Whether data at hand would fall to less than a hundredth: nobody gives up so much of it."""
    if fact.measured_by != "dataset" or isinstance(here, bool | str) or isinstance(there, str):
        return False
    return there + 1 < (here + 1) / MOST_TIMES


def within(fact: Fact, cell: Cell) -> Cell | None:
    """What is left of a cell without the numbers that make no sense; None where nothing is."""
    least = fact.least
    if least is None:
        return cell
    values = tuple(v for v in cell.values if not isinstance(v, bool | str) and v >= least)
    return cell._replace(values=values) if values else None


def nearest(fact: Fact, cell: Cell, here: Scalar) -> tuple[Scalar, float]:
    """The value of a cell that is the smallest change from another, and how large that is."""
    if fact.type in {"bool", "choice"}:
        return cell.values[0], distance(fact, here, cell.values[0])
    if len(cell.values) == 1:
        return cell.values[0], distance(fact, here, cell.values[0])
    size, place = min((distance(fact, here, v), place) for place, v in enumerate(cell.values))
    return cell.values[place], size


def can_change(fact: Fact) -> bool:
    """Whether somebody can answer a fact otherwise, or measure it again."""
    if fact.id in DERIVED or fact.type == "text" or fact.flips == "never":
        return False
    return bool(fact.question) or fact.measured_by in MEASURED_AGAIN


def _sides(part: Condition, fact: Fact) -> Iterator[Scalar]:
    if fact.type == "bool":
        yield from (True, False)
        return
    if fact.type == "choice":
        yield from fact.choices
        return
    for value in part.value if isinstance(part.value, tuple) else (part.value,):
        if isinstance(value, bool) or value is None:
            continue
        yield value
        if isinstance(value, int | float):
            yield from _neighbours(value, fact)


def _neighbours(value: float, fact: Fact) -> Iterable[Scalar]:
    """The values just below and just above a threshold that the fact may take."""
    if fact.type == "int":
        return [int(v) for v in (value - 1, value + 1) if v >= 0]
    if fact.unit == SHARE:
        return [round(v, 6) for v in (value - 0.01, value + 0.01) if 0 <= v <= 1]
    step = 1.0 if abs(value) >= 10 else abs(value) / 10
    return [round(v, 6) for v in (value - step, value + step) if v > 0]
