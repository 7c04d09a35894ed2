"""The rules behind a decision on a terminal: the list, one rule's page, and how each came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from advisor.render.safe import fact_text
from advisor.render.terminal import make_table, plain, styled, words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from advisor.schema.decide import TraceLine
    from advisor.schema.rule import Condition, Rule, RuleCase, Scalar, Source

OPERATORS = {
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "at_least": "is at least",
    "at_most": "is at most",
    "between": "lies between",
}
GROUPS = {"all": "all of", "any": "any of", "none": "none of"}
YOURS = "yours"
"""Stands where a user's rule gives no date (`advisor/rulebook/policy.py`)."""
OUTCOMES = ("fires", "undetermined", "silent")
"""In the order in which they are shown."""


def show_rules(
    console: Console, rules: Sequence[Rule], marks: Mapping[str, str] | None = None
) -> None:
    """One entry per rule, by kind; `marks` says what a policy did to some of them."""
    for kind, group in groupby(rules, key=lambda rule: rule.kind):
        found = list(group)
        table = make_table("Rule", "Evidence", "What it says")
        table.columns[0].no_wrap = True
        for rule in found:
            mark = (marks or {}).get(rule.id) or ("" if rule.status == "active" else rule.status)
            title = plain(rule.title)
            if mark:
                title = styled(f"({mark}) ", "yellow").append_text(title)
            table.add_row(plain(rule.id), rule.evidence, title)
        console.print(styled(f"{kind.capitalize()} rules: {len(found)}", "bold"))
        console.print(table)


def show_rule(
    console: Console,
    rule: Rule,
    cases: Sequence[RuleCase],
    sources: Mapping[str, Source],
    mark: str = "",
) -> None:
    """A rule as its own manual page: when, then, why, cases, sources."""
    console.print(styled(rule.title, "bold"))
    since = rule.since if mark == "added" and rule.since == YOURS else f"since {rule.since}"
    console.print(plain(f"{rule.id}: {rule.kind} rule, {rule.status}, {since}"))
    if rule.status == "retired":
        successor = f"replaced by {rule.replaced_by}" if rule.replaced_by else "replaced by none"
        console.print(styled(f"It no longer speaks; {successor}.", "yellow"))
    if mark:
        console.print(styled(f"The policy file: {mark}.", "yellow"))
    console.print(styled("\nWhen", "bold"))
    for line in condition_lines(rule.when) or ["  always"]:
        console.print(plain_indented(line))
    console.print(styled("\nThen", "bold"))
    for action in rule.then:
        what = words(action.approach) if action.approach else action.message or action.key
        value = f" {words(str(action.value))}" if action.value is not None else ""
        strength = f" ({action.strength})" if action.strength else ""
        console.print(plain_indented(f"  {action.effect} {what}{value}{strength}"))
    console.print(styled("\nWhy", "bold"))
    console.print(plain(rule.why))
    if cases:
        console.print(styled("\nCases", "bold"))
        console.print(_cases(cases))
    console.print(styled(f"Sources (evidence: {rule.evidence})", "bold"))
    for reference in rule.sources:
        source = sources.get(reference.ref)
        title = f"{source.title}, {source.published}. {source.url}" if source else reference.ref
        console.print(plain(f"{title} ({reference.at})" if reference.at else title))


def _cases(cases: Sequence[RuleCase]) -> Table:
    table = make_table("Case", "Facts", "Outcome")
    for case in cases:
        facts = "; ".join(
            f"{g}.{n} = {fact_text(v)}" for g, f in case.profile.items() for n, v in f.items()
        )
        table.add_row(plain(case.name), plain(facts), case.expect)
    return table


def plain_indented(line: str) -> Text:
    """A line whose leading spaces stay."""
    bare = line.lstrip(" ")
    return styled(" " * (len(line) - len(bare))).append_text(plain(bare))


def condition_lines(condition: Condition, depth: int = 1) -> list[str]:
    """A condition in words, one comparison a line, groups indented."""
    indent = "  " * depth
    for name, title in GROUPS.items():
        parts = getattr(condition, name)
        if parts is not None:
            inner = [line for part in parts for line in condition_lines(part, depth + 1)]
            return [f"{indent}{title}", *inner] if inner else []
    value = condition.value
    values = value if isinstance(value, tuple) else (value,)
    shown = ", ".join(fact_text(v) for v in values)
    if condition.op == "between":
        shown = " and ".join(fact_text(v) for v in values)
    return [f"{indent}{condition.fact} {OPERATORS[condition.op or 'is']} {shown}"]


def show_trace(
    console: Console,
    lines: Sequence[tuple[TraceLine, Mapping[str, Scalar]]],
    off: Sequence[Rule] = (),
) -> None:
    """How every rule came out on a profile, the facts it looked at and those it lacks.

    `off`: rules that a policy file switched off, which are not asked; they stand at the end.
    """
    for word in OUTCOMES:
        found = [(line, looked_at) for line, looked_at in lines if line.outcome == word]
        console.print(styled(f"{word.capitalize()}: {len(found)}", "bold"))
        for line, looked_at in found:
            told = "; ".join(f"{fact} = {fact_text(value)}" for fact, value in looked_at.items())
            lacking = f"unknown {', '.join(line.missing)}" if line.missing else ""
            facts = "; ".join(part for part in (lacking, told) if part)
            console.print(styled("  ").append_text(plain(f"{line.rule_id}: {facts}")))
        console.print()
    if off:
        console.print(styled(f"Switched off by the policy file: {len(off)}", "bold"))
        for rule in off:
            console.print(styled("  ").append_text(plain(f"{rule.id}: {rule.title}")))
        console.print()
