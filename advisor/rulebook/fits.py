"""What the rules weigh, and what was fitted to published outcomes: strengths, chances, gains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from advisor.rulebook.check import gain_faults
from advisor.rulebook.entries import each_of, read_below
from advisor.rulebook.reading import Faults, note_invalid
from advisor.schema.facts import Fact
from advisor.schema.rule import Acceptance, GainBand, Strength

STRENGTHS: tuple[Strength, ...] = ("weak", "moderate", "strong")
TIE = "tie"
ACCEPTANCE = "acceptance.yaml"
GAINS = "gains.yaml"


def read_strengths(path: Path, faults: Faults) -> tuple[dict[Strength, float], float | None]:
    """The strengths, and the width of a tie where the file gives one."""
    document = read_below(path, path.parent, faults)
    content = document.content if document else None
    if document is None:
        return {}, None
    if not isinstance(content, dict) or set(content) - {TIE} != set(STRENGTHS):
        expected = f"{', '.join(STRENGTHS)} (and {TIE}, if it is not weak)"
        faults.add(document.place(()), f"exactly these keys are expected: {expected}")
        return {}, None
    if not all(_is_weight(value) for value in content.values()):
        faults.add(document.place(()), "every strength is a number above 0")
        return {}, None
    tie = float(content[TIE]) if TIE in content else None
    return {name: float(content[name]) for name in STRENGTHS}, tie


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6


def read_acceptance(path: Path, faults: Faults) -> Acceptance | None:
    """The fitted chances, where the folder has them."""
    document = read_below(path, path.parent, faults) if path.is_file() else None
    if document is None:
        return None
    try:
        return Acceptance.model_validate(document.content)
    except ValidationError as error:
        note_invalid(document, error, faults)
        return None


def read_gains(path: Path, vocabulary: Mapping[str, Fact], faults: Faults) -> tuple[GainBand, ...]:
    """The published gains, where the folder has them, with conditions on known facts."""
    document = read_below(path, path.parent, faults) if path.is_file() else None
    if document is None:
        return ()
    bands = each_of(document, document.content, GainBand, faults)
    for number, band in enumerate(bands):
        for fault in gain_faults(band, vocabulary):
            faults.add(document.place((number,)), fault)
    return bands
