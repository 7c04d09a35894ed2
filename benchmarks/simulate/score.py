"""Holds the formulas against the traced plans: errors by kind of plan, fitted and held out.

python benchmarks/simulate/score.py [--json] [--worst N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import registry  # noqa: E402
from advisor.catalog import query  # noqa: E402
from advisor.catalog.architectures import card_of  # noqa: E402
from advisor.schema.base import Provenance  # noqa: E402
from advisor.schema.catalog import ModelCard  # noqa: E402
from advisor.schema.plan import Plan  # noqa: E402
from advisor.stages.estimate.memory.timeline import phase_terms  # noqa: E402
from advisor.stages.estimate.memory.work import Work  # noqa: E402
from benchmarks.simulate.measure import stored  # noqa: E402
from benchmarks.simulate.plans import Case  # noqa: E402
from benchmarks.simulate.shapes import configuration  # noqa: E402

KINDS = {"r": "random", "q": "quantised", "f": "full depth", "c": "check"}
STEP = ("loss", "backward", "backward_end", "optimizer_step")


@dataclass(frozen=True)
class Scored:
    """A traced plan with what the formulas say of it."""

    case: Case
    traced_gib: float
    computed_gib: float
    traced_trainable: int
    computed_trainable: int

    @property
    def error(self) -> float:
        """Computed over traced, less 1."""
        return self.computed_gib / self.traced_gib - 1

    @property
    def kind(self) -> str:
        """Which of the sets of plans it is from."""
        return KINDS[self.case.id[0]]


@cache
def shape(name: str, layers: int | None) -> ModelCard:
    """The card of a shape at a depth."""
    source = Provenance(kind="table", source="config.json")
    return card_of(configuration(name, layers), name, source, where=name)


def scored(rows: Iterable[dict[str, Any]]) -> list[Scored]:
    """Every row that could be traced; the trace holds no library workspaces, so neither do we."""
    stack = query.reference().stack
    found = []
    for row in rows:
        if "error" in row:
            continue
        case = Case(row["id"], row["shape"], row["layers"], Plan.model_validate(row["plan"]))
        model = shape(case.shape, case.layers)
        footprint = registry.method(case.plan.method).footprint(case.plan, model)
        phases = phase_terms(Work(case.plan, model, footprint, stack))
        computed = max(
            sum(term.gib for term in terms if term.name != "framework")
            for phase, terms in phases.items()
            if phase in STEP
        )
        found.append(
            Scored(
                case,
                row["allocated_gib"],
                computed,
                row["trainable_parameters"],
                footprint.trainable_parameters,
            )
        )
    return found


def summary(found: Iterable[Scored]) -> dict[str, float]:
    """Number, median, 90th percentile and mean sign of the errors."""
    errors = [one.error for one in found]
    sizes = sorted(map(abs, errors))
    return {
        "n": len(sizes),
        "median": round(statistics.median(sizes), 4),
        "p90": round(sizes[min(int(0.9 * len(sizes)), len(sizes) - 1)], 4),
        "bias": round(statistics.median(errors), 4),
    }


def table(found: list[Scored]) -> dict[str, dict[str, float]]:
    """Errors of every group of plans, by the group's name."""
    groups: dict[str, Callable[[Scored], str]] = {
        "": lambda one: one.kind,
        "method ": lambda one: one.case.plan.method,
        "shape ": lambda one: one.case.shape,
    }
    result = {}
    for prefix, group in groups.items():
        chosen = [one for one in found if not prefix or one.kind in ("random", "check")]
        for name in sorted({group(one) for one in chosen}):
            result[prefix + name] = summary(one for one in chosen if group(one) == name)
    return result


def main() -> None:
    """Print the table, the worst plans if wished, and JSON if wished."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    parser.add_argument("--worst", type=int, default=0, help="name the plans farthest off")
    given = parser.parse_args()
    found = scored(stored())
    if given.json:
        print(json.dumps(table(found), indent=1))
        return
    for name, errors in table(found).items():
        print(
            f"{name:34} n {errors['n']:3}  median {errors['median']:6.1%}"
            f"  p90 {errors['p90']:6.1%}  bias {errors['bias']:+6.1%}"
        )
    for one in sorted(found, key=lambda s: -abs(s.error))[: given.worst]:
        plan = one.case.plan.model_dump(exclude_defaults=True, exclude={"model", "gpu", "epochs"})
        print(
            f"{one.case.id} {one.error:+.1%} of {one.traced_gib:.2f} GiB: {one.case.shape} {plan}"
        )


if __name__ == "__main__":
    main()
