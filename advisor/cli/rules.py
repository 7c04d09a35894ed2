"""`advisor rules`: list, show, check and explain what the advice rests on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.options import standard_options
from advisor.cli.screen import Screen

if TYPE_CHECKING:
    from advisor.rulebook.about import Listed
    from advisor.schema.profile import Profile
    from advisor.schema.rule import Rule, Rulebook

F = TypeVar("F", bound=Callable[..., Any])


def policy_option(function: F) -> F:
    """Add --policy; the command receives `policy: Path | None`."""
    option = click.option(
        "--policy",
        type=click.Path(path_type=Path),
        help="File that switches rules off, reweighs or adds them.",
    )
    return option(function)


@click.group(name="rules")
def command() -> None:
    """List, show, check and explain the rules."""


@command.command(name="list")
@click.option("--about", help="Only rules that name this approach, fact, kind or word.")
@policy_option
@unused_run_dir_option
@standard_options
def list_command(*, screen: Screen, about: str | None, policy: Path | None) -> None:
    """Every rule with what it says, and what a policy file makes of it."""
    from advisor.rulebook.about import rules_about  # noqa: PLC0415 - pydantic is slow to load

    every = _listed(policy)
    book = _rulebook().model_copy(update={"rules": tuple(each.rule for each in every.values())})
    rules = rules_about(book, about)
    rows = [_row(every[rule.id]) for rule in rules]

    def show() -> None:
        from advisor.render.rules import show_rules  # noqa: PLC0415 - rich is slow to load

        show_rules(screen.console, rules, {name: each.policy for name, each in every.items()})

    screen.result(_with_head({"rules": rows}), show)


@command.command(name="show")
@click.argument("rule_id")
@policy_option
@unused_run_dir_option
@standard_options
def show_command(*, screen: Screen, rule_id: str, policy: Path | None) -> None:
    """One rule: when, then, why, its cases and its sources."""
    from advisor.resources import rules_root  # noqa: PLC0415 - pydantic is slow to load
    from advisor.rulebook.about import rule_called  # noqa: PLC0415
    from advisor.rulebook.load import load_cases  # noqa: PLC0415

    every = _listed(policy)
    book = _rulebook().model_copy(update={"rules": tuple(each.rule for each in every.values())})
    rule = rule_called(book, rule_id)
    cases = load_cases(rules_root()).get(rule.id, ())
    sources = {source.id: source for source in book.sources}
    cited = [sources[ref.ref] for ref in rule.sources]
    body = {
        "rule": rule.model_dump(mode="json", exclude_none=True),
        "policy": every[rule.id].policy,
        "cases": [case.model_dump(mode="json") for case in cases],
        "sources": [source.model_dump(mode="json") for source in cited],
    }

    def show() -> None:
        from advisor.render.rules import show_rule  # noqa: PLC0415 - rich is slow to load

        show_rule(screen.console, rule, cases, sources, every[rule.id].policy)

    screen.result(_with_head(body), show)


@command.command(name="check")
@click.argument("path", type=click.Path(path_type=Path))
@unused_run_dir_option
@standard_options
def check_command(*, screen: Screen, path: Path) -> None:
    """Check a rule FILE with its cases, every rule of a rules folder, or a policy file."""
    from advisor.rulebook.about import check_path, check_policy  # noqa: PLC0415 - slow to load
    from advisor.rulebook.policy import is_policy  # noqa: PLC0415

    if path.is_file() and is_policy(path):
        told = check_policy(path)
        screen.result(
            _with_head({"policy": told}),
            lambda: click.echo("\n".join(["The policy holds.", *told])),
        )
        return
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
    help="Profile file (YAML or JSON).",
)
@policy_option
@click.option(
    "--run-dir", type=click.Path(path_type=Path), help="A run's folder: its profile is explained."
)
@standard_options
def explain_command(
    *, screen: Screen, profile_path: Path | None, policy: Path | None, run_dir: Path | None
) -> None:
    """How every rule comes out on a profile: fires, silent or undetermined, and on which facts."""
    from advisor.rulebook.engine import rank  # noqa: PLC0415 - pydantic is slow to load
    from advisor.rulebook.firing import explained  # noqa: PLC0415

    profile = _profile(profile_path, run_dir)
    rulebook = _rulebook(policy)
    every = _listed(policy)
    off = [each.rule for each in every.values() if each.policy == "off"]
    decision = rank(profile, rulebook)
    lines = explained(profile, rulebook)
    rows = [{**line.model_dump(mode="json"), "facts": dict(facts)} for line, facts in lines]

    def show() -> None:
        from advisor.render.rules import show_trace  # noqa: PLC0415 - rich is slow to load

        show_trace(screen.console, lines, off)

    body = {
        "recommended": decision.recommended,
        "trace": rows,
        "off": [rule.id for rule in off],
        "policy": list(decision.policy),
    }
    screen.result(_with_head(body), show)


def _profile(path: Path | None, run_dir: Path | None) -> Profile:
    """The profile of a file or of a run folder."""
    if path is not None:
        from advisor.interview.answers import load_profile  # noqa: PLC0415 - slow to load

        return load_profile(path)
    if run_dir is not None:
        from advisor.artifacts import RunFolder  # noqa: PLC0415 - pydantic is slow to load
        from advisor.schema.profile import Profile  # noqa: PLC0415

        return RunFolder(run_dir).read("profile", Profile)
    msg = "Give --profile FILE or --run-dir DIR."
    raise click.UsageError(msg)


def _rulebook(policy: Path | None = None) -> Rulebook:
    from advisor.resources import rules_root  # noqa: PLC0415 - pydantic is slow to load
    from advisor.rulebook.load import load_rulebook  # noqa: PLC0415

    return load_rulebook(rules_root(), policy)


def _listed(policy: Path | None) -> dict[str, Listed]:
    """Every rule, marked where the policy changes it."""
    from advisor.rulebook.about import listed  # noqa: PLC0415 - pydantic is slow to load

    plain = _rulebook()
    return listed(plain, plain if policy is None else _rulebook(policy))


def _row(each: Listed) -> dict[str, Any]:
    rule: Rule = each.rule
    return {
        "id": rule.id,
        "kind": rule.kind,
        "status": rule.status,
        "policy": each.policy,
        "title": rule.title,
        "evidence": rule.evidence,
        "approaches": sorted({action.approach for action in rule.then if action.approach}),
    }


def _with_head(body: dict[str, Any]) -> dict[str, Any]:
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.schema.base import Value  # noqa: PLC0415

    return document(Value()) | body
