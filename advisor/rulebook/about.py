"""Finding rules by word, and checking rule files with their cases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from advisor.errors import RulebookError, RuleParseError
from advisor.resources import rules_root
from advisor.rulebook.conditions import evaluate, facts_named
from advisor.rulebook.load import check_file, load_cases, load_rulebook
from advisor.rulebook.reading import Faults, suggestion
from advisor.schema.profile import Profile
from advisor.schema.rule import Rule, Rulebook, RuleCase


def rules_about(rulebook: Rulebook, word: str | None) -> tuple[Rule, ...]:
    """The rules that name an approach, fact, kind or word; all of them for None.

    Raises RulebookError when no rule does.
    """
    if word is None:
        return rulebook.rules
    wanted = word.lower().replace("-", "_").replace(" ", "_")
    found = tuple(rule for rule in rulebook.rules if _is_about(rule, wanted))
    if not found:
        raise RulebookError(
            f"No rule is about '{word}'.", hint="`advisor rules list` shows all of them."
        )
    return found


def _is_about(rule: Rule, wanted: str) -> bool:
    approaches = {action.approach for action in rule.then}
    if wanted in approaches or wanted == rule.kind:
        return True
    texts = (rule.id, rule.title, *facts_named(rule.when))
    return any(wanted in text.lower().replace("-", "_").replace(" ", "_") for text in texts)


def rule_called(rulebook: Rulebook, rule_id: str) -> Rule:
    """The rule of this id; raises RulebookError with the nearest one."""
    known = {rule.id: rule for rule in rulebook.rules}
    if rule_id in known:
        return known[rule_id]
    near = suggestion(rule_id, known)
    raise RulebookError(
        f"No rule is called '{rule_id}'{near or '.'}", hint="`advisor rules list` shows all."
    )


def check_path(path: Path) -> dict[str, int]:
    """Rule ids with the number of their cases that hold, for a rule file or a rules folder.

    Raises RuleParseError or UnknownFactError for files that do not follow the format, and
    RuleParseError for cases that come out otherwise than they say.
    """
    faults = Faults()
    checked: dict[str, int] = {}
    if path.is_dir():
        cases = load_cases(path)
        for rule in load_rulebook(path).rules:
            checked[rule.id] = _run_cases(rule, cases.get(rule.id, ()), faults)
    else:
        rule, own = check_file(path, rules_root())
        checked[rule.id] = _run_cases(rule, own, faults)
    faults.raise_as(RuleParseError, hint="Mend the rule or the case; one of the two is wrong.")
    return checked


@dataclass(frozen=True)
class Listed:
    """A rule as a list shows it, with what a policy did to it."""

    rule: Rule
    policy: Literal["", "off", "reweighed", "added"]


def listed(plain: Rulebook, changed: Rulebook) -> dict[str, Listed]:
    """Every rule of either rulebook by id, marked where a policy made the second of the first."""
    after = {rule.id: rule for rule in changed.rules}
    found: dict[str, Listed] = {}
    for rule in plain.rules:
        now = after.pop(rule.id, None)
        mark: Literal["", "off", "reweighed"] = "reweighed" if now != rule else ""
        found[rule.id] = Listed(rule, "off") if now is None else Listed(now, mark)
    return found | {rule.id: Listed(rule, "added") for rule in after.values()}


def check_policy(path: Path) -> tuple[str, ...]:
    """What a policy file changes, a sentence an entry; raises RuleParseError where it is wrong."""
    return load_rulebook(rules_root(), path).policy


def _run_cases(rule: Rule, cases: tuple[RuleCase, ...], faults: Faults) -> int:
    for case in cases:
        where = f"{rule.id}.cases.yaml"
        try:
            profile = Profile.model_validate(case.profile)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            faults.add(where, f"case '{case.name}': {place}: {first['msg']}")
            continue
        came_out = evaluate(rule.when, profile).word
        if came_out != case.expect:
            faults.add(where, f"case '{case.name}' is {came_out}, not {case.expect}")
    return len(cases)
