"""The ground of every value: frozen, nothing extra, numbers with their provenance."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, PlainSerializer, model_validator

SCHEMA_VERSION = 1

Usd = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
ProvenanceKind = Literal["measured", "computed", "table", "assumed"]


class Value(BaseModel):
    """A value: never changed after birth, never carrying a field nobody declared."""

    # The sentences beside the fields are read by scripts/make_docs.py: pydantic would read every
    # class's source again at each start, a fifth of the time `advisor estimate` takes.
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Interval(Value):
    """A quantity that is not known exactly; 10 %, 50 % and 90 % points unless `level` says else."""

    low: float
    likely: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.likely <= self.high:
            got = f"{self.low}, {self.likely}, {self.high}"
            msg = f"an interval runs low <= likely <= high, got {got}"
            raise ValueError(msg)
        return self


class UsdInterval(Value):
    """An amount of US dollars that is not known exactly (10 %, 50 % and 90 % points)."""

    low: Usd
    likely: Usd
    high: Usd


class ConfidenceInterval(Value):
    """The range that holds the true value in `level` of repeated samplings."""

    low: float
    high: float
    level: float
    """Coverage between 0 and 1, for example 0.9."""


class Provenance(Value):
    """Where a number comes from."""

    kind: ProvenanceKind
    source: str = ""
    """Id in `rules/sources.yaml`, a formula's name, or the command that measured it."""
    as_of: str = ""
    """Date of the source or measurement, ISO format."""
    note: str = ""


class Figure(Value):
    """A number of the catalog with its spread and its source; an exact one has no spread."""

    interval: Interval
    provenance: Provenance
