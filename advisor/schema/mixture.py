"""General data beside the rows of the task: how much a plan asks for, what it gets, and why."""

from __future__ import annotations

from pydantic import Field

from advisor.schema.base import Value

LONGER = "raise --seq-len"
MORE = "give more general data (--general-data)"
MORE_THAT_FIT = "give more general data that fit (--general-data)"


def wanted_rows(share: float, rows: int) -> int:
    """General rows beside so many of the task, so that they are this share of all."""
    return round(rows * share / (1 - share))


class Mixture(Value):
    """The general rows of one training."""

    share: float = Field(ge=0, lt=1)
    """Of all rows, as the plan asks."""
    rows: int = Field(ge=0)
    """Of the task."""
    general: int = Field(ge=0)
    """General rows that may be taken: what is held out as a probe is none of them."""
    too_long: int = Field(default=0, ge=0)
    """Of these, those that exceed the sequence length."""
    sequence_length: int = Field(gt=0)

    @property
    def wanted(self) -> int:
        """General rows that would be the share."""
        return wanted_rows(self.share, self.rows)

    @property
    def taken(self) -> int:
        """General rows that are mixed in."""
        return min(self.wanted, self.general - self.too_long)

    @property
    def reached(self) -> float:
        """Their share of all rows."""
        return self.taken / max(self.taken + self.rows, 1)

    @property
    def remark(self) -> str:
        """Why there is less general data than asked for, and how to mend it; else empty.

        Also that long rows were passed over, where the others are enough.
        """
        if self.taken < self.wanted:
            asked = f"{_percent(self.share)} that the plan asks for"
            got = f"{_percent(self.reached)} of the training rows" if self.taken else "none"
            return f"General data: {got} instead of the {asked}: {self._why}; {self._mending}."
        if self.too_long:
            return f"General data: {self._over}, and none of these is mixed in."
        return ""

    @property
    def _over(self) -> str:
        over = f"longer than {self.sequence_length} tokens"
        return f"{self.too_long} of {self.general} rows that may be mixed in are {over}"

    @property
    def _why(self) -> str:
        if not self.too_long:
            return f"{self.wanted} rows are wanted, and {self.general} may be mixed in"
        told = f"{self._over} and left out"
        few = f"; all {self.general} would not make the {self.wanted} that are wanted"
        return told if self.general >= self.wanted else told + few

    @property
    def _mending(self) -> str:
        if not self.too_long:
            return MORE
        if self.general >= self.wanted:
            return f"{LONGER}, or {MORE_THAT_FIT}"
        return f"{LONGER} and {MORE}"


def _percent(share: float) -> str:
    return f"{round(100 * share, 1):g} %"
