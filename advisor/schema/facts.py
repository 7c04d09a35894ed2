"""The vocabulary of facts: what a rule may ask for, as read from `rules/facts.yaml`."""

from __future__ import annotations

from typing import Literal

from advisor.schema.base import Value

FactType = Literal["bool", "int", "float", "text", "choice"]
Asking = Literal["", "first", "always"]
Flipping = Literal["", "last", "never"]


class Preset(Value):
    """An answer to a question of size that can be picked instead of typed."""

    label: str
    value: int | float


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
    """Where it can be measured instead: dataset, documents, machine, catalog, baseline or gate."""
    why: str = ""
    """Why the interview asks it."""
    help: str = ""
    """What counts, for a question that is easily misunderstood; it stands beside the question."""
    ask: Asking = ""
    """When the interview asks it: "first" of all, "always" (at the end, because later stages go by
    it), or, left empty, where the answer can change the advice."""
    presets: tuple[Preset, ...] = ()
    """For a number: answers in words, such as "daily" for one day."""
    follows: str = ""
    """A yes-or-no fact that is asked first; once it is no, this question makes no sense."""
    least: float | None = None
    """For a number: the smallest that makes sense, such as two labels."""
    flips: Flipping = ""
    """Where the changes that would turn the advice name it: "last" for what is given with the task
    and nobody can change, "never" for what makes it another task, first if left empty."""
    derived_from: tuple[str, ...] = ()
    """For a fact that is computed from others (`advisor/rulebook/derived.py`): their ids."""
