"""The reference pages of rules and facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from advisor.render.rules import OPERATORS
from advisor.resources import rules_root
from advisor.rulebook.conditions import facts_named
from advisor.rulebook.load import load_cases, load_facts, load_rulebook
from advisor.schema.facts import Fact
from advisor.schema.rule import Action, Condition, Rule, Rulebook, RuleCase, Source
from scripts.docs_cells import cell, table

KINDS = {
    "decision": "Decision rules",
    "gate": "Gate rules",
    "warning": "Warnings",
    "default": "Defaults",
}
ABOUT = {
    "task": "About the task",
    "output": "About the task",
    "knowledge": "About knowledge and documents",
    "data": "About the data",
    "model": "About the model",
    "constraints": "About privacy, money, time and people",
    "machine": "About the machine",
    "measured": "About what was measured",
}
"""Group of the first fact that a rule asks for -> its theme; themes follow this order."""
BASES = {
    "fitted": "Strengths weighed on published outcomes, one publication left out at a time.",
    "pooled": "Strengths read off pooled comparisons.",
    "judged": "Strengths set by the authors.",
}
SETTINGS = {
    "method": "Which methods are worth pricing",
    "rank": "Rank, layers and dropout",
    "target_modules": "Rank, layers and dropout",
    "dropout": "Rank, layers and dropout",
    "learning_rate": "Learning rate",
    "epochs": "Epochs and batch",
    "gradient_accumulation_steps": "Epochs and batch",
    "train_on_shots": "What is trained on",
    "objective": "What is trained on",
}
"""The field that a default fills -> its theme."""


def in_words(condition: Condition, depth: int = 0) -> list[str]:
    """A condition as nested bullet points."""
    lead = "  " * depth + "- "
    for word, parts in (
        ("all of", condition.all),
        ("any of", condition.any),
        ("none of", condition.none),
    ):
        if parts is not None:
            inner = [line for part in parts for line in in_words(part, depth + 1)]
            return [f"{lead}{word}:", *inner]
    value = condition.value
    shown = ", ".join(map(cell, value)) if isinstance(value, tuple) else cell(value)
    return [f"{lead}`{condition.fact}` {OPERATORS[condition.op or 'is']} {shown}"]


def action_in_words(action: Action, book: Rulebook) -> str:
    """What a rule does, as a phrase; a strength shows what it weighs."""
    if action.effect == "set":
        return f"set `{action.key}` to {cell(action.value)}"
    weight = f"({action.strength}, {book.strengths[action.strength]:g})" if action.strength else ""
    words = " ".join(filter(None, (action.effect, action.approach or "", weight)))
    return f"{words}: {action.message}" if action.message else words


def citation(source: Source, place: str) -> str:
    """A source's title, as a link where it has an address, with the place in it."""
    title = f"[{source.title}]({source.url})" if source.url else source.title
    return f"{title}, {place}" if place else title


def rule_section(rule: Rule, cases: tuple[RuleCase, ...], book: Rulebook) -> str:
    """One rule: when, then, why, evidence with its sources, and cases."""
    sources = {source.id: source for source in book.sources}
    taken = f", replaced by {rule.replaced_by}" if rule.replaced_by else ""
    status = "" if rule.status == "active" else f" ({rule.status}{taken})"
    parts = [f"#### {rule.id}\n", f"**{rule.title}**{status}\n"]
    if rule.asked:
        parts.append(f"Asks: {rule.asked}\n")
    parts += ["When\n", *in_words(rule.when), "\nThen\n"]
    parts += [f"- {action_in_words(action, book)}" for action in rule.then]
    parts.append(f"\nWhy: {' '.join(rule.why.split())}\n")
    cited = "; ".join(citation(sources[ref.ref], ref.at) for ref in rule.sources)
    parts.append(f"Evidence: {rule.evidence}{f' ({cited})' if cited else ''}. {basis_of(rule)}")
    rows = [(case.name, case.expect) for case in cases]
    parts += ["", table(["case", "expected"], rows)] if rows else [""]
    return "\n".join(parts)


def basis_of(rule: Rule) -> str:
    """Where a rule's strengths come from, and since when it stands."""
    has_strength = any(action.strength for action in rule.then)
    return f"{BASES[rule.basis] if has_strength else ''} Since {rule.since}.".strip()


def theme_of(rule: Rule) -> str:
    """The heading a rule stands under within its kind."""
    if rule.kind == "default":
        return SETTINGS.get(rule.then[0].key.rpartition(".")[2], "Other settings")
    if rule.kind == "gate":
        return "In the order of the verdict"
    return ABOUT[next(facts_named(rule.when)).partition(".")[0]]


def by_theme(rules: Iterable[Rule]) -> Iterator[tuple[str, list[Rule]]]:
    """Rules of one kind under their themes, in the order the themes are listed here."""
    ordered = sorted(rules, key=lambda rule: (rule.order, rule.id))
    listed = (*ABOUT.values(), *SETTINGS.values(), "In the order of the verdict", "Other settings")
    for theme in dict.fromkeys(listed):
        chosen = [rule for rule in ordered if theme_of(rule) == theme]
        if chosen:
            yield theme, chosen


def contents(book: Rulebook) -> str:
    """A table of every rule with its evidence grade, linked to its section."""
    rows = [
        (f"[{rule.id}](#{rule.id})", rule.title, rule.kind, rule.evidence)
        for kind in KINDS
        for _, chosen in by_theme(r for r in book.rules if r.kind == kind)
        for rule in chosen
    ]
    return table(["rule", "says", "kind", "evidence"], rows)


def rules_page() -> str:
    """Every rule by kind and theme."""
    book = load_rulebook(rules_root())
    cases = load_cases(rules_root())
    weights = ", ".join(f"{name} {value:g}" for name, value in book.strengths.items())
    counts = ", ".join(
        f"{sum(rule.kind == kind for rule in book.rules)} {name.lower()}"
        for kind, name in KINDS.items()
    )
    parts = [
        f"# Rules\n\n{len(book.rules)} rules: {counts}. A strength weighs: {weights}.",
        "[When to tune](../how-to/when-to-tune.md) holds common advice against them.\n",
        contents(book),
    ]
    for kind, name in KINDS.items():
        parts.append(f"## {name}\n")
        for theme, chosen in by_theme(rule for rule in book.rules if rule.kind == kind):
            parts.append(f"### {theme}\n")
            parts += [rule_section(rule, cases.get(rule.id, ()), book) for rule in chosen]
    parts.append("## Sources\n")
    rows = [(s.id, citation(s, ""), s.kind, s.published or "-") for s in book.sources]
    parts.append(table(["id", "title", "kind", "published"], rows))
    return "\n".join(parts)


def facts_page() -> str:
    """The vocabulary that rules, profiles and the interview share, and how it is asked for."""
    facts = load_facts(rules_root())
    rows = [
        (f"`{f.id}`", f.type, f.unit or "-", f.meaning, ", ".join(f.choices) or "-", source_of(f))
        for f in facts
    ]
    head = ["fact", "type", "unit", "meaning", "choices", "known from"]
    asked = [(f"`{f.id}`", f.question, f.why, presets_of(f)) for f in facts if f.question]
    return "\n".join(
        [
            "# Facts\n\nWhat a profile may say and a rule may ask for.\n",
            table(head, rows),
            "## What the interview asks\n",
            "Only what can still change the advice is asked, the most decisive first.\n",
            table(["fact", "question", "why it is asked", "answers in words"], asked),
        ]
    )


def presets_of(fact: Fact) -> str:
    """The answers that can be picked instead of typed, with their numbers."""
    return "; ".join(f"{preset.label}: {preset.value:g}" for preset in fact.presets) or "-"


def source_of(fact: Fact) -> str:
    """Where a fact's value comes from: a measurement, a question, other facts."""
    asked = "asked" if fact.question else ""
    computed = f"computed from {', '.join(fact.derived_from)}" if fact.derived_from else ""
    return ", ".join(filter(None, (fact.measured_by, asked, computed))) or "-"
