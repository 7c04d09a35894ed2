"""Facts that the catalog tells of a model."""

from __future__ import annotations

import re
from pathlib import PurePath

from advisor.schema.catalog import ModelCard
from advisor.schema.profile import ModelFacts
from advisor.schema.run import EMBEDDED_MODEL

INSTRUCTED = re.compile(
    r"(?:^|[-_ /.])(?:instruct|it|chat|assistant)(?:$|[-_ /.\d])", re.IGNORECASE
)
BARE = re.compile(r"(?:^|[-_ /.])(?:base|pt)(?:$|[-_ /.])", re.IGNORECASE)
BILLION = 1e9


def model_facts(card: ModelCard, *, named: str = "") -> ModelFacts:
    """Size of the model, and whether it follows instructions where its name says so.

    `named` is the name or folder it was asked for by: one card stands for the base and the tuned
    model alike. A name that says nothing leaves it unknown: families differ in what they call the
    tuned one. The embedded demonstrator tells nothing: nobody would tune it in earnest.
    """
    if card.id == EMBEDDED_MODEL:
        return ModelFacts()
    return ModelFacts(
        parameters_billion=round(card.parameters / BILLION, 4),
        is_instruct=_is_instruct(PurePath(named).name or card.id),
    )


def _is_instruct(name: str) -> bool | None:
    if INSTRUCTED.search(name):
        return True
    return False if BARE.search(name) else None
