"""Reading a table of published outcomes: what can be scored, and what cannot and why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from benchmarks.decisions.cases import FAMILY_OF, SIZES, Case, read

DEVELOPMENT = Path(__file__).with_name("development.jsonl")
CLOSED = r"gpt-?[345][\w.]*|chatgpt|claude|gemini|palm|bloomberggpt|frontier|general (?:models|llm)"
OPEN = r"chatglm|llama|mistral|qwen|gemma|gorilla|fingpt"
CLOSED_NAMES = re.compile(CLOSED, re.IGNORECASE)
NAMES = re.compile(f"{CLOSED}|{OPEN}", re.IGNORECASE)
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What reading a row that is not in the columns of the table raises."""


@dataclass(frozen=True)
class Row:
    """One scorable case, with what only the judge may look at."""

    case: Case
    year: int | None
    is_same_model: bool
    """All arms run on one model, so that a gap is the approach's alone."""
    clearly_worse: frozenset[str]
    """Families whose best arm the source found 10 points or more behind."""
    good_enough: str | None
    """The family of least effort within the tolerance of the best."""
    scenario: Mapping[str, Any]
    """The stated scenario in the table's own words, for policies that know no facts."""


@dataclass(frozen=True)
class Table:
    """What a file holds: rows to score, and ids of the rest by reason."""

    rows: tuple[Row, ...]
    unmapped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source once, in order of appearance."""
        return tuple(dict.fromkeys(row.case.source for row in self.rows))


def load(path: Path) -> Table:
    """The table of a file with one JSON object per line; a line that is none is counted."""
    return read_lines(path.read_text(encoding="utf-8", errors="replace").splitlines())


def read_lines(lines: Iterable[str]) -> Table:
    """The table that the lines hold; nothing in them raises."""
    rows: list[Row] = []
    unmapped: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, found = _read_line(line, f"line {number}")
        if isinstance(found, Row):
            rows.append(found)
        else:
            unmapped[found] = (*unmapped.get(found, ()), name)
    return Table(tuple(rows), unmapped)


def is_same_model(content: Mapping[str, Any]) -> bool:
    """Whether all arms run on one model, as far as their descriptions name one.

    A stated `same_model` counts. Else two arms that name different models or sizes are mixed, and
    so are a tuned small encoder and anything else, and a closed model beside an arm described
    without a name. An arm without any description runs on the case's model.
    """
    if "same_model" in content:
        return bool(content["same_model"])
    arms = content["measured"]
    families = {FAMILY_OF.get(arm) for arm in arms}
    if "small_model_ft" in families and len(families) > 1:
        return False
    described = [str(arm["model"]) for arm in arms.values() if arm.get("model")]
    if any("same model" in text for text in described):
        return True
    names = {frozenset(word.lower() for word in NAMES.findall(text)) for text in described}
    sizes = {tuple(SIZES.findall(text)) for text in described} - {()}
    has_closed = any(CLOSED_NAMES.search(text) for text in described)
    named = names - {frozenset()}
    return len(named) <= 1 and len(sizes) <= 1 and not (has_closed and named != names)


def _read_line(line: str, place: str) -> tuple[str, Row | str]:
    """The row's name with the row, or with the reason why it is none."""
    try:
        content = json.loads(line)
    except json.JSONDecodeError:
        return place, "not a JSON object"
    if not isinstance(content, dict):
        return place, "not a JSON object"
    name = str(content.get("id", place))
    try:
        found, reasons = read([content])
        row = _row(found[0], content) if found else None
    except UNREADABLE as error:
        return name, f"cannot be read ({type(error).__name__})"
    if row is None:
        return name, next(iter(reasons))
    return name, row if _is_finite(row.case) else "a weight or value that is no number"


def _is_finite(case: Case) -> bool:
    """Whether the case can be added up."""
    return isfinite(case.weight) and case.weight > 0 and all(map(isfinite, case.values.values()))


def _row(case: Case, content: Mapping[str, Any]) -> Row:
    year = content.get("year")
    return Row(
        case=case,
        year=year if isinstance(year, int) else None,
        is_same_model=is_same_model(content),
        clearly_worse=_clearly_worse(content),
        good_enough=content.get("good_enough_family"),
        scenario=content["scenario"],
    )


def _clearly_worse(content: Mapping[str, Any]) -> frozenset[str]:
    sign = -1.0 if content.get("lower_is_better") else 1.0
    best: dict[str, str] = {}
    measured = content["measured"]
    for arm, entry in measured.items():
        family = FAMILY_OF[arm]
        other = best.get(family)
        if other is None or sign * entry["value"] > sign * measured[other]["value"]:
            best[family] = arm
    worse = set(content.get("clearly_worse") or ())
    return frozenset(family for family, arm in best.items() if arm in worse)
