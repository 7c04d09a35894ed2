"""A user's own policy: rules switched off or weighed anew, always with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from advisor.errors import RuleParseError
from advisor.rulebook.reading import Document, Faults, note_invalid, read, suggestion
from advisor.schema.base import Value
from advisor.schema.rule import Rule, Rulebook, Strength

HINT = "A policy file is a list of {rule, off: true or strength: weak|moderate|strong, reason}."


class PolicyEntry(Value):
    """One line of a policy file."""

    rule: str
    off: bool = False
    strength: Strength | None = None
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_change(self) -> PolicyEntry:
        if self.off == (self.strength is not None):
            msg = "an entry either switches a rule off or gives it a strength"
            raise ValueError(msg)
        return self

    @property
    def told(self) -> str:
        """The entry as a report prints it."""
        change = "off" if self.off else f"weighed as {self.strength}"
        return f"{self.rule} is {change}: {self.reason}"


def apply_policy(rulebook: Rulebook, path: Path) -> Rulebook:
    """The rulebook with a policy file's changes; raises RuleParseError when the file is wrong."""
    faults = Faults()
    document = read(path, faults)
    entries = _entries(document, faults) if document else ()
    known = [rule.id for rule in rulebook.rules]
    for number, entry in enumerate(entries):
        if entry.rule not in known and document:
            near = suggestion(entry.rule, known)
            faults.add(document.place((number, "rule")), f"no rule is called '{entry.rule}'{near}")
    faults.raise_as(RuleParseError, hint=HINT)
    by_rule = {entry.rule: entry for entry in entries}
    rules = tuple(
        _changed(rule, by_rule.get(rule.id))
        for rule in rulebook.rules
        if not (rule.id in by_rule and by_rule[rule.id].off)
    )
    told = tuple(entry.told for entry in entries)
    return rulebook.model_copy(update={"rules": rules, "policy": told})


def _changed(rule: Rule, entry: PolicyEntry | None) -> Rule:
    if entry is None:
        return rule
    then = tuple(
        action.model_copy(update={"strength": entry.strength}) if action.strength else action
        for action in rule.then
    )
    return rule.model_copy(update={"then": then})


def _entries(document: Document, faults: Faults) -> tuple[PolicyEntry, ...]:
    content: Any = document.content
    if not isinstance(content, list):
        faults.add(document.place(()), "a policy file is a list")
        return ()
    entries: list[PolicyEntry] = []
    for number, item in enumerate(content):
        try:
            entries.append(PolicyEntry.model_validate(item))
        except ValidationError as error:
            note_invalid(document, error, faults, (number,))
    return tuple(entries)
