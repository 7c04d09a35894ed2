"""What growing a data set with a model came to: asked, kept, dropped and why, paid, gained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from advisor.schema.base import ConfidenceInterval, Value
from advisor.schema.purse import Bill

Dropped = Literal[
    "schema",
    "refusal",
    "language",
    "copy",
    "near_seed",
    "near_kept",
    "near_test",
    "contradiction",
    "disagreement",
    "no_answer",
]
"""Why a written sample was not kept; each once, under the first that applies.

`copy`: an input that stands in the data already, with the same target. `no_answer`: the model did
not answer when it was asked for the sample's answer again.
"""


class GainPoint(Value):
    """A system with so many synthetic samples added to the collected ones."""

    added: int = Field(ge=0)
    value: float
    interval: ConfidenceInterval


class Gain(Value):
    """What added synthetic samples bring, measured on collected samples of the dev part."""

    system: str
    metric: str
    samples: int
    """Dev samples it was measured on."""
    points: tuple[GainPoint, ...]
    per_hundred: float | None
    """Mean gain in score per added hundred, from none to all; None where nothing was added."""
    per_hundred_interval: ConfidenceInterval | None = None
    """Paired: the same dev samples with none and with all."""
    sentence: str


class Generation(Value):
    """What `advisor data generate` did."""

    path: str
    """The file that was written; empty where nothing was kept."""
    model: str
    wanted: int
    asked: int
    """Times the model was asked to write."""
    failed: int
    """Of those, without an answer."""
    unreadable: int
    """Of those, answers in which no sample could be found."""
    parsed: int
    """Samples found in the answers."""
    dropped: dict[Dropped, int]
    unsettled: int
    """Samples that were neither kept nor dropped: there were enough, or no money to check them."""
    kept: int
    by_source: dict[str, int]
    """Kept samples by what they were made from: rows, documents, labels."""
    ended: Literal["enough", "budget", "dry"]
    """dry: the model wrote nothing more that could be kept."""
    bill: Bill
    gain: Gain | None = None
    notes: tuple[str, ...] = ()
