"""What tracing or probing a plan's real step showed."""

from typing import Literal

from pydantic import Field

from advisor.schema.base import Value


class Trace(Value):
    """Memory of a plan's step as the real libraries take it, beside the formula's figure."""

    kind: Literal["simulated", "probed"]
    """`simulated`: fake tensors, no weights; `probed`: two real steps on this machine's GPU."""
    allocated_gib: float = Field(gt=0)
    reserved_gib: float | None = None
    process_gib: float | None = None
    phases_gib: dict[str, float] = Field(default_factory=dict)
    """Highest allocated memory in each phase."""
    peak_phase: str = ""
    trainable_parameters: int = Field(default=0, ge=0)
    seconds: float = Field(ge=0)
    """How long the tracing took."""
    tokens_per_second: float | None = None
    closed_form: tuple[str, ...] = ()
    """Terms that were computed, not traced: 4-bit weights."""
    versions: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
