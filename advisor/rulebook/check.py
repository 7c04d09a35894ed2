"""What a rule must keep beyond its shape: known facts, fitting values, complete actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from advisor.rulebook.conditions import comparisons
from advisor.rulebook.handover import setting_faults
from advisor.rulebook.impossible import impossible
from advisor.rulebook.reading import suggestion
from advisor.schema.facts import Fact
from advisor.schema.rule import Action, Condition, GainBand, Rule, Scalar

EFFECTS = {
    "decision": {"favour", "oppose", "require", "forbid", "warn", "ask"},
    "warning": {"warn"},
    "gate": {"stop", "collect"},
    "default": {"set"},
}
PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int, float),
    "float": (int, float),
    "text": (str,),
    "choice": (str,),
}
SIZE_OPERATORS = {"at_least", "at_most", "between"}


def unknown_facts(rule: Rule | GainBand, vocabulary: Mapping[str, Fact]) -> Iterator[str]:
    """One sentence for every fact that the vocabulary does not hold."""
    yield from unknown_in(rule.when, vocabulary)


def unknown_in(condition: Condition, vocabulary: Mapping[str, Fact]) -> Iterator[str]:
    """One sentence for every fact of a condition that the vocabulary does not hold."""
    for part in comparisons(condition):
        if part.fact is not None and part.fact not in vocabulary:
            near = suggestion(part.fact, vocabulary)
            yield f"unknown fact '{part.fact}'{near}"


def faults_of(rule: Rule, vocabulary: Mapping[str, Fact], sources: frozenset[str]) -> Iterator[str]:
    """One sentence for everything else that keeps the rule from meaning something."""
    yield from _faults_of_when(rule.when, vocabulary)
    for number, action in enumerate(rule.then):
        for fault in action_faults(action, rule.kind):
            yield f"then.{number}: {fault}"
    yield from at_odds(rule.then)
    if rule.kind == "gate" and not rule.asked:
        yield "a gate rule needs `asked`: the criterion in words"
    for source in rule.sources:
        if source.ref not in sources:
            near = suggestion(source.ref, sources)
            yield f"unknown source '{source.ref}'{near}"


def at_odds(actions: Sequence[Action]) -> Iterator[str]:
    """One sentence for every approach that the same rule requires and forbids, or requires beside.

    Whenever such a rule fired, nothing could be advised.
    """
    musts = [
        tuple(dict.fromkeys(a.approach for a in actions if a.effect == effect and a.approach))
        for effect in ("require", "forbid")
    ]
    required, forbidden = musts
    for approach in required:
        if approach in forbidden:
            yield f"then: {approach} is both required and forbidden; leave one of the two out"
    if len(required) > 1:
        yield f"then: {' and '.join(required)} are required; a rule requires one approach"


def gain_faults(band: GainBand, vocabulary: Mapping[str, Fact]) -> Iterator[str]:
    """One sentence for everything that keeps a band of published gains from meaning something."""
    yield from unknown_facts(band, vocabulary)
    yield from _faults_of_when(band.when, vocabulary)
    if not band.low <= band.likely <= band.high:
        yield f"{band.low:g}, {band.likely:g}, {band.high:g}: low, likely and high must rise"
    if not 1 <= band.sources <= band.comparisons:
        yield f"{band.comparisons} comparisons cannot come from {band.sources} publications"


def _faults_of_when(condition: Condition, vocabulary: Mapping[str, Fact]) -> Iterator[str]:
    """Values that do not fit their facts; where all do, what makes the condition impossible."""
    faults = list(_condition_faults(condition, vocabulary))
    yield from faults or dict.fromkeys(impossible(condition, vocabulary))


def _condition_faults(condition: Condition, vocabulary: Mapping[str, Fact]) -> Iterator[str]:
    for part in comparisons(condition):
        fact = vocabulary.get(part.fact or "")
        if fact is not None:
            yield from _value_faults(part, fact)


def _value_faults(part: Condition, fact: Fact) -> Iterator[str]:
    values = part.value if isinstance(part.value, tuple) else (part.value,)
    if (part.op in {"in", "between"}) != isinstance(part.value, tuple):
        wanted = "a list" if part.op in {"in", "between"} else "one value"
        yield f"{fact.id}: `{part.op}` takes {wanted}"
        return
    if part.op == "between" and len(values) != 2:
        yield f"{fact.id}: `between` takes two values, the lower first"
    if part.op in SIZE_OPERATORS and fact.type not in {"int", "float"}:
        yield f"{fact.id}: `{part.op}` compares numbers, and this fact is of type {fact.type}"
        return
    for value in values:
        fault = misfit(value, fact)
        if fault:
            yield f"{fact.id}: {fault}"


def misfit(value: Scalar | None, fact: Fact) -> str:
    """Why a value cannot be one of this fact's, or nothing."""
    wanted = PYTHON_TYPES[fact.type]
    if not isinstance(value, wanted) or (isinstance(value, bool) and fact.type != "bool"):
        kinds = {"bool": "true or false", "int": "a whole number", "float": "a number"}
        return f"{value!r} is not {kinds.get(fact.type, 'text')}"
    if fact.type == "choice" and value not in fact.choices:
        near = suggestion(str(value), fact.choices)
        return f"'{value}' is none of {', '.join(fact.choices)}{near}"
    return ""


def action_faults(action: Action, kind: str) -> Iterator[str]:
    """One sentence for everything that keeps an action of a rule of this kind from being done."""
    if action.effect not in EFFECTS[kind]:
        yield f"a {kind} rule cannot `{action.effect}`"
        return
    if action.effect in {"favour", "oppose"} and (action.approach is None or not action.strength):
        yield f"`{action.effect}` needs `approach` and `strength`"
    if action.effect in {"require", "forbid"} and action.approach is None:
        yield f"`{action.effect}` needs `approach`"
    if action.effect in {"warn", "ask", "stop", "collect"} and not action.message:
        yield f"`{action.effect}` needs `message`"
    if action.effect == "set" and (not action.key or action.value is None):
        yield "`set` needs `key` and `value`"
    elif action.effect == "set":
        yield from setting_faults(action)
