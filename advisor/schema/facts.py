"""The vocabulary of facts: what a rule may ask for, as read from `rules/facts.yaml`."""

from __future__ import annotations

from typing import Literal

from advisor.schema.base import Value

FactType = Literal["bool", "int", "float", "text", "choice"]


class Fact(Value):
    """One entry of the vocabulary."""

    id: str
    """Dotted path into the profile, for example `data.labelled_samples`."""
    type: FactType
    unit: str = ""
    meaning: str
    question: str = ""
    """What the interview asks; empty for a fact that is only ever measured or computed."""
    choices: tuple[str, ...] = ()
    measured_by: str = ""
    """Where it can be measured instead: dataset, documents, machine, baseline or gate."""
    why: str = ""
    """Why the interview asks it."""
