"""What finished training runs on this machine took, beside what had been estimated."""

from typing import Literal

from pydantic import Field

from advisor.schema.base import Value
from advisor.schema.plan import Plan


class CalibrationRecord(Value):
    """One finished run."""

    id: str
    """Short digest of the rest, to name it by."""
    date: str
    """ISO format, UTC."""
    machine: str
    """The GPU's name and memory, or the CPU."""
    model: str
    plan: Plan
    tier: Literal["allocated", "reserved", "process"]
    """What `measured_gib` counts."""
    estimated_gib: float = Field(gt=0)
    """What the formulas had said of that tier, before any correction."""
    measured_gib: float = Field(gt=0)
    tokens_per_second: float | None = Field(default=None, gt=0)
    """Measured, without padding."""
    estimated_tokens_per_second: float | None = Field(default=None, gt=0)
    """Before any correction; None where no speed was known."""
    versions: dict[str, str] = Field(default_factory=dict)


class CalibrationView(Value):
    """The records as listed, or what removing left."""

    file: str
    is_used: bool
    """Whether estimates are corrected by them."""
    records: tuple[CalibrationRecord, ...] = ()
    removed: int = 0
