"""Reads what transformers' Trainer prints: losses and rates as a Python dict a line."""

from __future__ import annotations

import ast
import math
import re
from typing import Any, NamedTuple

DICT = re.compile(r"\{'[^{}]*\}")
NAMES = {"loss": "loss", "learning_rate": "rate", "grad_norm": "norm", "eval_loss": "dev_loss"}


class Logged(NamedTuple):
    """One line of numbers; None for what it does not tell."""

    loss: float | None = None
    rate: float | None = None
    norm: float | None = None
    dev_loss: float | None = None

    @property
    def is_finite(self) -> bool:
        """Whether no loss in it is infinite or not a number."""
        return all(math.isfinite(one) for one in (self.loss, self.dev_loss) if one is not None)


def logged(line: str) -> Logged | None:
    """The numbers of a line such as {'loss': 0.5, 'learning_rate': '1e-05'}; None for others.

    Since transformers 5 the numbers are text, and `nan` stands without quotes.
    """
    for found in DICT.findall(line):
        told = _dict(found)
        values = {ours: _number(told[theirs]) for theirs, ours in NAMES.items() if theirs in told}
        known = {name: value for name, value in values.items() if value is not None}
        if known:
            return Logged(**known)
    return None


def _dict(text: str) -> dict[str, Any]:
    try:
        told = ast.literal_eval(re.sub(r"(?<!['\w])(nan|-?inf)(?!['\w])", r"'\1'", text))
    except (ValueError, SyntaxError):
        return {}
    return told if isinstance(told, dict) else {}


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
