"""Our answers beside published rows: errors by tier and method, and verdicts on fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.memory import bands, table
from benchmarks.memory.normalize import CORE_FIELDS
from benchmarks.memory.rows import Case, Prediction, described, predict, without_stack


@dataclass(frozen=True)
class Scored:
    """A row with our answer."""

    id: str
    row: dict[str, str]
    run: dict[str, Any]
    case: Case
    answer: Prediction
    measured: float | None

    @property
    def method(self) -> str:
        """full, lora, qlora, or the row's own word for a rarer method."""
        return str(self.run["raw_method"] if self.run["approx_method"] else self.run["method"])

    @property
    def is_core(self) -> bool:
        """Whether the source states everything that decides memory."""
        missing = CORE_FIELDS & set(self.run["assumed"])
        return not missing and not self.run["approx_method"] and self.row.get("quality") != "C"


def score_rows(
    rows: list[tuple[str, dict[str, str]]], configs: dict[str, dict[str, str]]
) -> tuple[list[Scored], Counter[str]]:
    """Every row that can be mapped with our answer, and why the others cannot."""
    found, unmapped = [], Counter[str]()
    for name, row in rows:
        try:
            run, case = described(row, configs)
            answer = predict(case)
        except ValueError as error:
            unmapped[str(error)] += 1
            continue
        found.append(Scored(name, row, run, case, answer, table.measured_gib(row)))
    return found, unmapped


def tiers(scored: list[Scored]) -> dict[str, dict[str, Any]]:
    """Tier -> `all` and every method -> its errors."""
    groups: dict[str, dict[str, list[tuple[float, float, float, float]]]] = {}
    for item in scored:
        if item.measured:
            answer = item.answer
            entry = (item.measured, answer.likely, answer.low, answer.high)
            for tier in ("all", item.case.tier):
                methods = groups.setdefault(tier, {})
                methods.setdefault("all", []).append(entry)
                methods.setdefault(item.method, []).append(entry)
    return {
        tier: {method: table.summary(entries) for method, entries in sorted(methods.items())}
        for tier, methods in sorted(groups.items())
    }


def fit(scored: list[Scored], oom: list[Scored]) -> dict[str, Any]:
    """How often a verdict was wrong or left open, on runs that ended both ways."""
    found: dict[str, Any] = {}
    halves = []
    for kind, items, right in (("oom", oom, False), ("finished", scored, True)):
        known = [i for i in items if _card_is_known(i)]
        verdicts = Counter(str(i.answer.fits) for i in known)
        found[kind] = {
            "n": len(known),
            "called_fitting": verdicts["True"],
            "uncertain": verdicts["uncertain"],
            "called_impossible": verdicts["False"],
        }
        if known:
            halves.append((verdicts[str(right)] + verdicts["uncertain"] / 2) / len(known))
    if len(halves) == 2:
        found["balanced_accuracy"] = round(sum(halves) / 2, 4)
    return found


def _card_is_known(item: Scored) -> bool:
    is_named = "unknown" not in str(item.row.get("gpu")).lower()
    return bool(item.run["gpu_known"]) and is_named and item.row.get("quality") != "C"


def left_out(
    scored: Sequence[Scored],
    configs: dict[str, dict[str, str]],
    fitted_on: Sequence[Scored] = (),
) -> dict[str, dict[str, Any]]:
    """What unseen software would get.

    `intervals`: coverage of every source by bands made of the others, on the rows that the
    catalog's bands are fitted on where those are given; `intervals_of_these_rows`: fitted and
    tested on `scored` alone. `software_unknown`: errors of rows whose stack is known, had nobody
    measured it.
    """
    few = bands.observe([(item.id, item.row) for item in scored], configs)
    seen = bands.observe([(item.id, item.row) for item in fitted_on], configs) if fitted_on else few
    forgotten = []
    for item in scored:
        if not item.case.plan.assumed:
            try:
                answer = predict(without_stack(item.case))
            except ValueError:
                continue
            forgotten.append(replace(item, answer=answer))
    found: dict[str, dict[str, Any]] = {"intervals": bands.left_out(seen)}
    if fitted_on:
        found["intervals_of_these_rows"] = bands.left_out(few)
    return found | {"software_unknown": tiers(forgotten)}
