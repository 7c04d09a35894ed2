"""Says a plan in an engine's own keys, and tells what the engine has no key for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from advisor.schema.plan import Plan

BESIDE = frozenset(
    {
        "assumed",
        "examples",
        "experts",
        "generated_tokens",
        "gpu",
        "mean_sequence_length",
        "method_options",
        "padding_share",
        "reasons",
        "stack",
        "tokens",
        "unquantised_precision",
    }
)
"""Fields that say what the plan was estimated from, not what an engine is to do; options are told
one by one."""


class Recipe(NamedTuple):
    """What an engine is handed: its settings, the files beside them, and what they leave unsaid."""

    values: dict[str, Any]
    """The settings, in the engine's keys."""
    files: dict[str, str]
    """Name -> text of every file that the settings name: rows, their description, rewards."""
    notes: tuple[str, ...]
    """What could not be said, or is said otherwise than the plan has it."""


class Telling:
    """Takes a plan field by field, so that none is dropped in silence."""

    def __init__(self, plan: Plan, engine: str) -> None:
        self._plan = plan
        self._engine = engine
        self._left = set(Plan.model_fields) - BESIDE
        self._options = dict(plan.method_options)
        self.values: dict[str, Any] = {}
        self.notes: list[str] = []

    def take(self, field: str) -> Any:
        """The plan's value, which counts as said from now on."""
        self._left.discard(field)
        return getattr(self._plan, field)

    def option(self, name: str, default: Any = None) -> Any:
        """The plan's option, which counts as said from now on."""
        return self._options.pop(name, default)

    def say(self, **values: Any) -> None:
        """Settings by the engine's names; None says nothing."""
        self.values.update({key: value for key, value in values.items() if value is not None})

    def copy(self, names: Mapping[str, str]) -> None:
        """Plan fields that the engine has under another name: field -> key."""
        for field, key in names.items():
            self.say(**{key: self.take(field)})

    def note(self, text: str) -> None:
        """Something that the settings do not say as the plan does."""
        self.notes.append(text)

    def rest(self) -> None:
        """Tell every field and option that nobody has taken, where it asks for something."""
        for name in Plan.model_fields:
            value = getattr(self._plan, name)
            if name in self._left and value != Plan.model_fields[name].default:
                self.note(f"{self._engine} has no setting for {name} ({value}).")
        for name, value in self._options.items():
            self.note(f"{self._engine} has no setting for the option {name} ({value}).")

    def recipe(self, files: dict[str, str]) -> Recipe:
        """All that was said, after telling what was not."""
        self.rest()
        return Recipe(self.values, files, tuple(self.notes))


def whole_alpha(told: Telling, rank: int) -> int:
    """LoRA's alpha as the whole number that the engines ask for; twice the rank by default."""
    alpha: float | None = told.take("alpha")
    if alpha is None:
        return 2 * rank
    if alpha != int(alpha):
        told.note(f"The engine takes whole numbers for alpha: {alpha} became {round(alpha)}.")
    return max(1, round(alpha))


def target_names(told: Telling) -> list[str] | None:
    """Names of the adapted modules; None for all linear ones."""
    names = [name.strip() for name in told.take("target_modules").split(",") if name.strip()]
    return None if names in (["all-linear"], []) else names
