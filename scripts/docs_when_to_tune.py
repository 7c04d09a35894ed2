"""The page that holds common advice on when to tune against the rules and their evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import yaml
from pydantic import Field

from advisor.resources import rules_root
from advisor.rulebook.engine import rank
from advisor.rulebook.load import load_cases, load_rulebook
from advisor.schema.base import Value
from advisor.schema.decide import Decision
from advisor.schema.profile import Profile
from advisor.schema.rule import Approach, Rulebook, RuleCase, Scalar
from scripts.docs_cells import cell, table
from scripts.docs_rules import citation

HEAD = """# When to tune

What practitioners say, and what published comparisons say to it. Every row rests on a rule that
you can read, and on sources; the advice in the examples is computed from the rules as they are. No
row replaces measuring: what a prompt scores on your own samples (`advisor baseline`) predicts the
gain of tuning better than anything else.
"""


class Claim(Value):
    """A small profile and what the advice for it is, is not, or sets."""

    profile: dict[str, dict[str, Scalar]]
    advises: tuple[Approach, ...] = ()
    not_advises: tuple[Approach, ...] = ()
    sets: dict[str, Scalar] = Field(default_factory=dict)


class Row(Value):
    """One saying with its verdict."""

    saying: str
    verdict: Literal["holds", "holds in part", "fails"]
    why: str
    rule: str
    case: str = ""
    """Name of the rule's case that shows it; empty: the first that fires."""
    sources: tuple[str, ...] = Field(min_length=1)
    claims: tuple[Claim, ...] = ()


class Group(Value):
    """Rows under one heading."""

    title: str
    rows: tuple[Row, ...]


@cache
def groups() -> tuple[Group, ...]:
    """The rows of `rules/when-to-tune.yaml`."""
    content: Any = yaml.safe_load((rules_root() / "when-to-tune.yaml").read_text(encoding="utf-8"))
    return tuple(Group.model_validate(item) for item in content)


def case_of(row: Row, cases: tuple[RuleCase, ...]) -> RuleCase | None:
    """The case that shows the row's rule at work; None where there is none of that name."""
    named = (c for c in cases if c.name == row.case or (not row.case and c.expect == "fires"))
    return next(named, None)


def decided(claim: Claim, book: Rulebook) -> Decision:
    """What the rules say to a claim's profile."""
    return rank(Profile.model_validate(claim.profile), book)


def page() -> str:
    """All rows, first as a table, then one by one."""
    book = load_rulebook(rules_root())
    cases = load_cases(rules_root())
    parts = [HEAD]
    for group in groups():
        rows = [(f"[{r.saying}](#{anchor(r.saying)})", f"**{r.verdict}**") for r in group.rows]
        parts += [f"## {group.title}\n", table(["what is said", "evidence"], rows)]
    for group in groups():
        parts.append(f"## {group.title}, in detail\n")
        parts += [section(row, cases.get(row.rule, ()), book) for row in group.rows]
    return "\n".join(parts)


def section(row: Row, cases: tuple[RuleCase, ...], book: Rulebook) -> str:
    """One row: verdict, reason, rule, case, sources, and what is advised for its examples."""
    sources = {source.id: source for source in book.sources}
    case = case_of(row, cases)
    shown = f', case "{case.name}"' if case else ""
    cited = "; ".join(citation(sources[ref], "") for ref in row.sources)
    lines = [
        f"### {row.saying}\n",
        f"**It {row.verdict}.** {' '.join(row.why.split())}\n",
        f"Rule: [{row.rule}](../reference/rules.md#{row.rule}){shown}. Sources: {cited}.\n",
    ]
    if row.claims:
        rows = [(facts_in_words(claim), answer(claim, book)) for claim in row.claims]
        lines.append(table(["for example", "the rules say"], rows))
    return "\n".join(lines)


def facts_in_words(claim: Claim) -> str:
    """The claim's facts, as a profile names them."""
    return ", ".join(
        f"`{group}.{name}` {cell(value)}"
        for group, facts in claim.profile.items()
        for name, value in facts.items()
    )


def answer(claim: Claim, book: Rulebook) -> str:
    """The advised approach, or the settings where the claim is about those."""
    decision = decided(claim, book)
    return ", ".join(settings_shown(claim, decision)) or f"`{decision.recommended}`"


def settings_shown(claim: Claim, decision: Decision) -> Iterator[str]:
    """The settings that a claim names, as the decision fills them."""
    for setting in decision.settings:
        if setting.key in claim.sets:
            yield f"`{setting.key}` {cell(setting.value)}"


def anchor(heading: str) -> str:
    """The address of a heading within its page, as GitHub and MkDocs make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
