"""The rules behind a decision on a terminal: the list, one rule's page, and how each came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from advisor.render.safe import fact_text
from advisor.render.terminal import make_table, plain, styled, words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from advisor.schema.decide import Decision
    from advisor.schema.rule import Condition, Rule, RuleCase, Source

OPERATORS = {
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "at_least": "is at least",
    "at_most": "is at most",
    "between": "lies between",
}
GROUPS = {"all": "all of", "any": "any of", "none": "none of"}


def show_rules(console: Console, rules: Sequence[Rule]) -> None:
    """One line per rule."""
    table = make_table("Rule", "Kind", "Evidence", "What it says")
    for rule in rules:
        table.add_row(plain(rule.id), rule.kind, rule.evidence, plain(rule.title))
    console.print(table)


def show_rule(
    console: Console, rule: Rule, cases: Sequence[RuleCase], sources: Mapping[str, Source]
) -> None:
    """A rule as its own manual page: when, then, why, cases, sources."""
    console.print(styled(rule.title, "bold"))
    console.print(plain(f"{rule.id}: {rule.kind} rule, {rule.status}, since {rule.since}"))
    console.print(styled("\nWhen", "bold"))
    for line in condition_lines(rule.when):
        console.print(plain_indented(line))
    console.print(styled("\nThen", "bold"))
    for action in rule.then:
        what = words(action.approach) if action.approach else action.message or action.key
        value = f" {words(str(action.value))}" if action.value is not None else ""
        strength = f" ({action.strength})" if action.strength else ""
        console.print(plain_indented(f"  {action.effect} {what}{value}{strength}"))
    console.print(styled("\nWhy", "bold"))
    console.print(plain(rule.why))
    console.print(styled("\nCases", "bold"))
    table = make_table("Case", "Facts", "Outcome")
    for case in cases:
        facts = "; ".join(
            f"{g}.{n} = {fact_text(v)}" for g, f in case.profile.items() for n, v in f.items()
        )
        table.add_row(plain(case.name), plain(facts), case.expect)
    console.print(table)
    console.print(styled(f"Sources (evidence: {rule.evidence})", "bold"))
    for reference in rule.sources:
        source = sources.get(reference.ref)
        title = f"{source.title}, {source.published}. {source.url}" if source else reference.ref
        console.print(plain(f"{title} ({reference.at})" if reference.at else title))


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
            return [f"{indent}{title}", *inner]
    value = condition.value
    values = value if isinstance(value, tuple) else (value,)
    shown = ", ".join(fact_text(v) for v in values)
    if condition.op == "between":
        shown = " and ".join(fact_text(v) for v in values)
    return [f"{indent}{condition.fact} {OPERATORS[condition.op or 'is']} {shown}"]


def show_trace(console: Console, decision: Decision) -> None:
    """How every rule came out on a profile."""
    table = make_table("Rule", "Outcome", "Unknown facts")
    order = {"fires": 0, "undetermined": 1, "silent": 2}
    for line in sorted(decision.trace, key=lambda t: order.get(t.outcome, 3)):
        table.add_row(plain(line.rule_id), line.outcome, plain(", ".join(line.missing)))
    console.print(table)
