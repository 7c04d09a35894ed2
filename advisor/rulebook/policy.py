"""A user's own policy: rules switched off, weighed anew or added, always with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from advisor.errors import RuleParseError
from advisor.rulebook.check import action_faults, at_odds, faults_of, unknown_facts, unknown_in
from advisor.rulebook.reading import EMPTY, Document, Faults, note_invalid, read, suggestion
from advisor.schema.base import Value
from advisor.schema.rule import Action, Condition, Rule, Rulebook, Strength

HINT = (
    "A policy file is a list of {rule, off: true or strength: weak|moderate|strong, reason} and"
    " {add: {id, when, then, ...}, reason}."
)
MISSING = "this file does not exist"
MISSING_HINT = "Name the policy file that you mean; --policy may be left out."
NO_DATE = "yours"
"""Stands for the date of a user's rule that gives none."""


class PolicyEntry(Value):
    """One line of a policy file."""

    rule: str = ""
    off: bool = False
    strength: Strength | None = None
    add: Rule | None = None
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_change(self) -> PolicyEntry:
        if self.add is not None and (self.rule or self.off or self.strength):
            msg = "an entry that adds a rule changes no other; write two entries"
            raise ValueError(msg)
        if self.add is None and not self.rule:
            msg = "an entry names a rule (`rule`) or holds one (`add`)"
            raise ValueError(msg)
        if self.add is None and self.off == (self.strength is not None):
            msg = "an entry either switches a rule off or gives it a strength"
            raise ValueError(msg)
        return self

    @property
    def told(self) -> str:
        """The entry as a report prints it."""
        if self.add is not None:
            return f"{self.add.id} is added: {self.reason}"
        change = "off" if self.off else f"weighed as {self.strength}"
        return f"{self.rule} is {change}: {self.reason}"


def apply_policy(rulebook: Rulebook, path: Path) -> Rulebook:
    """The rulebook with a policy file's changes; raises RuleParseError when the file is wrong."""
    if not path.exists():
        raise RuleParseError(MISSING, hint=MISSING_HINT, where=str(path))
    faults = Faults()
    document = read(path, faults)
    entries = _entries(document, faults, rulebook) if document else {}
    if document:
        for number, entry in entries.items():
            for place, fault in _faults_of(entry, rulebook, _named_before(entries, number)):
                faults.add(document.place((number, *place)), fault)
    faults.raise_as(RuleParseError, hint=HINT)
    by_rule = {entry.rule: entry for entry in entries.values()}
    rules = [
        _changed(rule, by_rule.get(rule.id))
        for rule in rulebook.rules
        if not (rule.id in by_rule and by_rule[rule.id].off)
    ]
    added = [entry.add for entry in entries.values() if entry.add is not None]
    told = tuple(entry.told for entry in entries.values())
    return rulebook.model_copy(
        update={
            "rules": (*rules, *added),
            "policy": told,
            "added": tuple(rule.id for rule in added),
        }
    )


def is_policy(path: Path) -> bool:
    """Whether a file holds a list, as policies do and rules do not; False if it cannot be read."""
    document = read(path, Faults())
    return document is not None and isinstance(document.content, list)


def _faults_of(
    entry: PolicyEntry, rulebook: Rulebook, before: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with an entry beside this rulebook, each with its place in the entry."""
    known = [rule.id for rule in rulebook.rules]
    if entry.add is None:
        if entry.rule not in known:
            near = suggestion(entry.rule, known)
            yield ("rule",), f"no rule is called '{entry.rule}'{near}"
        elif entry.strength and not _has_strengths(rulebook, entry.rule):
            yield ("strength",), f"the rule '{entry.rule}' has no strength to weigh anew"
        if entry.rule in before:
            yield ("rule",), f"the rule '{entry.rule}' stands in an entry above"
        return
    if entry.add.id in known or entry.add.id in before:
        yield ("add", "id"), f"the id '{entry.add.id}' is taken by another rule"
    vocabulary = {fact.id: fact for fact in rulebook.vocabulary}
    sources = frozenset(source.id for source in rulebook.sources)
    for fault in unknown_facts(entry.add, vocabulary):
        yield ("add", "when"), fault
    for fault in faults_of(entry.add, vocabulary, sources):
        yield ("add", "then" if fault.startswith("then") else "when"), fault


def _has_strengths(rulebook: Rulebook, name: str) -> bool:
    """Whether a rule favours or opposes anything."""
    return any(
        action.strength for rule in rulebook.rules if rule.id == name for action in rule.then
    )


def _named_before(entries: dict[int, PolicyEntry], number: int) -> list[str]:
    """The rules that the entries before one change or add."""
    before = (entry for place, entry in entries.items() if place < number)
    return [entry.add.id if entry.add is not None else entry.rule for entry in before]


def _changed(rule: Rule, entry: PolicyEntry | None) -> Rule:
    if entry is None:
        return rule
    then = tuple(
        action.model_copy(update={"strength": entry.strength}) if action.strength else action
        for action in rule.then
    )
    return rule.model_copy(update={"then": then})


def _entries(document: Document, faults: Faults, rulebook: Rulebook) -> dict[int, PolicyEntry]:
    """The entries of a policy file by their number."""
    content: Any = document.content
    if not isinstance(content, list):
        empty = content is None
        faults.add(document.place(()), EMPTY if empty else "a policy file is a list")
        return {}
    entries: dict[int, PolicyEntry] = {}
    for number, item in enumerate(content):
        try:
            entries[number] = PolicyEntry.model_validate(_completed(item))
        except ValidationError as error:
            note_invalid(document, error, faults, (number,))
            for place, fault in _faults_of_parts(item, rulebook):
                faults.add(document.place((number, *place)), fault)
    return entries


def _faults_of_parts(item: Any, rulebook: Rulebook) -> Iterator[tuple[tuple[str, ...], str]]:
    """What else is wrong with an entry that cannot be read as a whole, in the parts that can."""
    if not isinstance(item, dict):
        return
    known = [rule.id for rule in rulebook.rules]
    name, body = item.get("rule"), item.get("add")
    if isinstance(name, str) and name and name not in known:
        yield ("rule",), f"no rule is called '{name}'{suggestion(name, known)}"
    if isinstance(body, dict):
        for place, fault in _faults_of_body(body, rulebook):
            yield ("add", place), fault


def _faults_of_body(body: dict[str, Any], rulebook: Rulebook) -> Iterator[tuple[str, str]]:
    """What is wrong with the condition and the actions of an added rule, each where it is read."""
    vocabulary = {fact.id: fact for fact in rulebook.vocabulary}
    with suppress(ValidationError):
        condition = Condition.model_validate(body.get("when"))
        for fault in unknown_in(condition, vocabulary):
            yield "when", fault
    with suppress(ValidationError, TypeError):
        actions = [Action.model_validate(action) for action in body.get("then", ())]
        for number, action in enumerate(actions):
            for fault in action_faults(action, "decision"):
                yield "then", f"then.{number}: {fault}"
        for fault in at_odds(actions):
            yield "then", fault


def _completed(item: Any) -> Any:
    """An entry whose added rule has what a user may leave out: an opinion for its reason."""
    if not isinstance(item, dict) or not isinstance(item.get("add"), dict):
        return item
    body = item["add"]
    usual = {
        "title": str(body.get("id", "")).replace("-", " ").capitalize(),
        "kind": "decision",
        "since": NO_DATE,
        "why": item.get("reason", ""),
        "evidence": "opinion",
    }
    return {**item, "add": {**usual, **body}}
