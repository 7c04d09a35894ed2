"""A judge tried on answers that people have judged: how far it agrees, and whether to trust it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import ConfidenceInterval, Value
from advisor.schema.purse import Bill

TrialKind = Literal["labels", "scale", "pairs"]
Trust = Literal["yes", "no", "unknown"]


class Estimated(Value):
    """A figure from a sample of rows, with its interval."""

    value: float | None
    """None where the rows cannot tell; `note` says why."""
    interval: ConfidenceInterval | None = None
    n: int
    note: str = ""


class CorrectedRate(Value):
    """The true share of good answers among rows that only the judge has seen."""

    judged: float
    """The share the judge calls good."""
    corrected: Estimated
    """The same freed of the judge's known errors (Rogan and Gladen)."""


class JudgedRow(Value):
    """One row of the trial."""

    line: int
    human: str = ""
    """Empty where no human has judged it."""
    judge: str = ""
    """Empty where the judge gave no verdict that counts."""
    note: str = ""


class Crossing(Value):
    """How often one human verdict met one of the judge's."""

    human: str
    judge: str
    count: int


class JudgeTrial(Value):
    """A judge against people."""

    kind: TrialKind
    judge_model: str
    judge_backend: str
    signature: str
    rows: int
    judged: int
    """Rows with a verdict that counts."""
    unreadable: int
    """Rows on which the judge's words held no verdict, or no answer came."""
    not_asked: int = 0
    """Rows left when the budget was spent."""
    compared: int
    """Rows that both have judged."""
    agreement: Estimated
    """Share of the compared rows with the same verdict."""
    chance_agreement: float | None = None
    """Share that would be the same if both judged at random with their own frequencies."""
    kappa: Estimated
    """Cohen's kappa: agreement beyond chance."""
    weighted_kappa: Estimated | None = None
    """With quadratic weights, on a scale: near misses count little."""
    sensitivity: Estimated | None = None
    """Share of the answers people call good that the judge calls good."""
    specificity: Estimated | None = None
    """Share of the answers people call bad that the judge calls bad."""
    consistency: Estimated | None = None
    """Share of pairs with the same verdict in both orders."""
    prefers_first: Estimated | None = None
    """Share of decided questions in which the answer shown first won; 0.5 is fair."""
    prefers_longer: Estimated | None = None
    """Share of decided pairs of unequal length that the judge gave to the longer answer."""
    people_prefer_longer: Estimated | None = None
    """The same of people's verdicts."""
    corrected: CorrectedRate | None = None
    """For rows without a human verdict, where there are any."""
    crossings: tuple[Crossing, ...] = ()
    trusted: Trust
    sentence: str
    rule: str
    """The rule that decided `trusted`, as a sentence with its source."""
    bill: Bill
    notes: tuple[str, ...] = ()
    verdicts: tuple[JudgedRow, ...] = Field(default=())
