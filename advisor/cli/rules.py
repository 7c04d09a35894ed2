"""`advisor rules`: list, show, check and explain what the advice rests on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen

if TYPE_CHECKING:
    from advisor.schema.rule import Rule, Rulebook, RuleCase


@click.group(name="rules")
def command() -> None:
    """List, show, check and explain the rules."""


@command.command(name="list")
@click.option("--about", help="Only rules that name this approach, fact, kind or word.")
@unused_run_dir_option
@standard_options
def list_command(*, screen: Screen, about: str | None) -> None:
    """Every rule with what it says."""
    from advisor.rulebook.about import rules_about  # noqa: PLC0415 - pydantic is slow to load

    rules = rules_about(_rulebook(), about)
    rows = [_row(rule) for rule in rules]
    screen.result(_with_head({"rules": rows}), lambda: _show_list(screen, rules))


@command.command(name="show")
@click.argument("rule_id")
@unused_run_dir_option
@standard_options
def show_command(*, screen: Screen, rule_id: str) -> None:
    """One rule: when, then, why, its cases and its sources."""
    from advisor.resources import rules_root  # noqa: PLC0415 - pydantic is slow to load
    from advisor.rulebook.about import rule_called  # noqa: PLC0415
    from advisor.rulebook.load import load_cases  # noqa: PLC0415

    rulebook = _rulebook()
    rule = rule_called(rulebook, rule_id)
    cases = load_cases(rules_root()).get(rule.id, ())
    cited = [s for s in rulebook.sources if s.id in {ref.ref for ref in rule.sources}]
    body = {
        "rule": rule.model_dump(mode="json", exclude_none=True),
        "cases": [case.model_dump(mode="json") for case in cases],
        "sources": [source.model_dump(mode="json") for source in cited],
    }
    screen.result(_with_head(body), lambda: _show_rule(screen, rulebook, rule, cases))


@command.command(name="check")
@click.argument("path", type=click.Path(path_type=Path))
@unused_run_dir_option
@standard_options
def check_command(*, screen: Screen, path: Path) -> None:
    """Check a rule FILE with its cases, or every rule of a rules folder."""
    from advisor.rulebook.about import check_path  # noqa: PLC0415 - pydantic is slow to load

    checked = check_path(path)
    rows = [{"rule": rule, "cases": count} for rule, count in checked.items()]
    total = sum(checked.values())
    screen.result(
        _with_head({"checked": rows}),
        lambda: click.echo(f"{len(checked)} rules and {total} cases hold."),
    )


@command.command(name="explain")
@click.option(
    "--profile",
    "profile_path",
    type=click.Path(path_type=Path),
    required=True,
    help="Profile file (YAML or JSON).",
)
@unused_run_dir_option
@standard_options
def explain_command(*, screen: Screen, profile_path: Path) -> None:
    """How every rule comes out on a profile: fires, silent or undetermined, and why."""
    from advisor.interview.answers import load_profile  # noqa: PLC0415 - pydantic is slow to load
    from advisor.stages.decide import decide  # noqa: PLC0415

    decision = decide(load_profile(profile_path), _rulebook())
    rows = [line.model_dump(mode="json") for line in decision.trace]

    def show() -> None:
        from advisor.render.rules import show_trace  # noqa: PLC0415 - rich is slow to load

        show_trace(screen.console, decision)

    screen.result(_with_head({"recommended": decision.recommended, "trace": rows}), show)


def _rulebook() -> Rulebook:
    from advisor.resources import rules_root  # noqa: PLC0415 - pydantic is slow to load
    from advisor.rulebook.load import load_rulebook  # noqa: PLC0415

    return load_rulebook(rules_root())


def _row(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "kind": rule.kind,
        "status": rule.status,
        "title": rule.title,
        "evidence": rule.evidence,
        "approaches": sorted({action.approach for action in rule.then if action.approach}),
    }


def _with_head(body: dict[str, Any]) -> dict[str, Any]:
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.schema.base import Value  # noqa: PLC0415

    return document(Value()) | body


def _show_list(screen: Screen, rules: tuple[Rule, ...]) -> None:
    from advisor.render.rules import show_rules  # noqa: PLC0415 - rich is slow to load

    show_rules(screen.console, rules)


def _show_rule(screen: Screen, rulebook: Rulebook, rule: Rule, cases: tuple[RuleCase, ...]) -> None:
    from advisor.render.rules import show_rule  # noqa: PLC0415 - rich is slow to load

    show_rule(screen.console, rule, cases, {source.id: source for source in rulebook.sources})
