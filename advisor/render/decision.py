"""A decision on a terminal, and the rules behind it: 80 columns, plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from advisor.render.safe import fact_text
from advisor.render.terminal import (
    make_panel,
    make_table,
    plain,
    show_warnings,
    styled,
    words,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from advisor.schema.decide import Decision, RankedApproach, Reason
    from advisor.schema.rule import Condition, Rule, RuleCase, Source

REASONS_SHOWN = 3
QUESTIONS_SHOWN = 6
OPERATORS = {
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "at_least": "is at least",
    "at_most": "is at most",
    "between": "lies between",
}
GROUPS = {"all": "all of", "any": "any of", "none": "none of"}
SIGNS = {"favour": "+", "oppose": "-", "require": "must: ", "forbid": "never: "}


def show_decision(console: Console, decision: Decision) -> None:
    """The advice, its reasons, what is still open and what would turn it."""
    head = styled(words(decision.recommended) if decision.recommended else "Not enough is known")
    if decision.close_call:
        head.append_text(styled("  (a close call)", "yellow"))
    head.append_text(_next(decision))
    console.print(make_panel(head, title="Advice", style="bold"))
    console.print(_approaches(decision))
    _show_reasons(console, decision)
    _show_open(console, decision)
    _show_flips(console, decision)
    if decision.methods:
        named = ", ".join(words(method) for method in decision.methods)
        console.print(_line("Methods worth pricing", named))
    show_warnings(console, decision.warnings)
    for note in decision.policy:
        console.print(_line("Policy", note))


def _next(decision: Decision) -> Text:
    return styled("\nNext: ").append_text(plain(decision.next_step))


def _approaches(decision: Decision) -> Table:
    table = make_table("Approach", "Score", "Reasons (+ for, - against)", right=(1,))
    table.columns[0].no_wrap = True
    for ranked in decision.approaches:
        if ranked.reasons or ranked.forbidden:
            score = "never" if ranked.forbidden else f"{ranked.score:+g}"
            table.add_row(words(ranked.approach), score, plain(_signed_rules(ranked)))
    return table


def _signed_rules(ranked: RankedApproach) -> str:
    told = (f"{SIGNS.get(r.effect, '')}{r.rule_id}" for r in ranked.reasons)
    return ", ".join(dict.fromkeys(told))


def _show_reasons(console: Console, decision: Decision) -> None:
    if decision.recommended is None or not decision.approaches:
        return
    told: dict[str, Reason] = {}
    for reason in decision.approaches[0].reasons:
        if reason.effect in {"favour", "require"}:
            told.setdefault(reason.rule_id, reason)
    for reason in list(told.values())[:REASONS_SHOWN]:
        console.print(styled(reason.title, "bold"))
        console.print(plain(reason.why))
        facts = "; ".join(f"{fact} = {fact_text(v)}" for fact, v in reason.because.items())
        rests = f"because {facts}" if facts else ""
        sources = f" [{', '.join(reason.sources)}]" if reason.sources else ""
        console.print(plain(rests + sources, style="dim"))
        console.print()


def _show_open(console: Console, decision: Decision) -> None:
    questions = [q for q in decision.open_questions if q.could_change]
    if not questions:
        return
    console.print(styled("Answers that could change this", "bold"))
    for question in questions[:QUESTIONS_SHOWN]:
        console.print(plain(f"  {question.question} ({question.fact})"))
    if len(questions) > QUESTIONS_SHOWN:
        console.print(plain(f"  and {len(questions) - QUESTIONS_SHOWN} more: advisor interview"))
    console.print()


def _show_flips(console: Console, decision: Decision) -> None:
    if not decision.what_would_change_it:
        return
    table = make_table("If", "were", "instead of", "then")
    for flip in decision.what_would_change_it:
        table.add_row(
            plain(flip.fact),
            fact_text(flip.to_value),
            fact_text(flip.from_value),
            words(flip.then),
        )
    console.print(styled("What would change it", "bold"))
    console.print(table)


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


def _line(label: str, value: str) -> Text:
    return styled(f"{label}: ", "bold").append_text(plain(value, style="not bold"))
