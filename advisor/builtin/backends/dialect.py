"""How one family of services phrases requests and answers: what the shared session asks of it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from advisor.schema.base import Value
from advisor.schema.evaluation import Prompt

CHARACTERS_PER_TOKEN = 4
"""Where a service does not say what it counted."""


class Manner(Value):
    """What this model is known to take; changed when it refuses something, and then kept."""

    token_key: str = "max_tokens"  # noqa: S105 - a field's name
    switched: bool = False
    """The other name for the limit was tried already."""
    sends_temperature: bool = True
    sends_seed: bool = True
    form: str = ""
    """`strict`, `loose` or empty for an answer in free form."""
    folds_system: bool = False


class Change(NamedTuple):
    """Another manner, and the event that tells of it."""

    manner: Manner
    event: str


class Answer(NamedTuple):
    """What a service answered."""

    text: str
    model: str
    cut: bool


class Counted(NamedTuple):
    """Tokens that a service counted; None where it did not."""

    read: int | None = None
    written: int | None = None


class UnusableError(Exception):
    """An answer that is none; `cause` is the event's name."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Dialect(Protocol):
    """One family of services."""

    path: str
    first: Manner

    def body(self, prompt: Prompt, max_new_tokens: int, manner: Manner) -> dict[str, Any]:
        """The request."""

    def answer(self, told: dict[str, Any]) -> Answer:
        """The answer in a response. Raises UnusableError."""

    def counted(self, told: dict[str, Any]) -> Counted:
        """What the response says it will be billed as, whether it holds an answer or not."""

    def change(self, manner: Manner, complaint: str) -> Change | None:
        """What to leave out after a complaint (in lower case); None when nothing can be."""


def estimated_tokens(text: str) -> int:
    """Tokens by the length of a text."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def simpler(manner: Manner, complaint: str) -> Change | None:
    """What every family may be asked to leave out, by what the complaint names."""
    if manner.form and any(w in complaint for w in ("schema", "response_format", "output_")):
        left = "loose" if manner.form == "strict" else ""
        event = "json_schema_loosened" if left else "json_schema_refused"
        return Change(manner.model_copy(update={"form": left}), event)
    if manner.sends_temperature and "temperature" in complaint:
        return Change(manner.model_copy(update={"sends_temperature": False}), "temperature_refused")
    if manner.sends_seed and "seed" in complaint:
        return Change(manner.model_copy(update={"sends_seed": False}), "seed_refused")
    is_role = "system" in complaint or "developer" in complaint
    if not manner.folds_system and is_role and ("role" in complaint or "message" in complaint):
        return Change(manner.model_copy(update={"folds_system": True}), "system_role_folded")
    return None
