"""The rules of a folder as one rulebook; what is wrong in any file is told together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from pydantic import ValidationError

from advisor.errors import RulebookError, RuleParseError, UnknownFactError
from advisor.rulebook.cases import case_files, load_cases, read_cases
from advisor.rulebook.check import faults_of, unknown_facts
from advisor.rulebook.entries import CASES, entries_of, read_below, rule_files
from advisor.rulebook.fits import (
    ACCEPTANCE,
    GAINS,
    read_acceptance,
    read_gains,
    read_strengths,
)
from advisor.rulebook.kept import keep, kept
from advisor.rulebook.policy import MISSING, apply_policy
from advisor.rulebook.reading import EMPTY, Document, Faults, note_invalid, read, suggestion
from advisor.schema.facts import Fact
from advisor.schema.rule import Rule, Rulebook, RuleCase, Source

KIND_OF_FOLDER = {
    "decisions": "decision",
    "warnings": "warning",
    "gates": "gate",
    "defaults": "default",
}
MISSING_HINT = "Name a rule file, a rules folder or a policy file that is there."
HINT = "`advisor rules check FILE` tells what a rule file still lacks."


def load_rulebook(root: Path, policy: Path | None = None) -> Rulebook:
    """Every rule below a folder, with the vocabulary, the sources and the user's policy applied.

    Raises RuleParseError for files that do not follow the format, UnknownFactError for rules that
    name a fact nobody knows, RulebookError for a policy that names no rule.
    """
    digest = _digest(root)
    book = kept(root, digest)
    if book is None:
        book = _read_whole(root, digest)
        keep(root, book)
    if policy is None:
        return book
    changed = apply_policy(book, policy)
    return changed.model_copy(update={"digest": _with_policy(digest, policy)})


def _read_whole(root: Path, digest: str) -> Rulebook:
    faults = Faults()
    facts = entries_of(root / "facts.yaml", Fact, faults)
    sources = entries_of(root / "sources.yaml", Source, faults)
    strengths, tie = read_strengths(root / "strengths.yaml", faults)
    acceptance = read_acceptance(root / ACCEPTANCE, faults)
    gains = read_gains(root / GAINS, {fact.id: fact for fact in facts}, faults)
    documents = [read_below(path, root, faults) for path in rule_files(root)]
    rules = _rules([d for d in documents if d is not None], faults)
    faults.raise_as(RuleParseError, hint=HINT)
    _check(root, rules, facts, sources)
    return Rulebook(
        rules=tuple(rule for _, rule in rules),
        facts=tuple(fact.id for fact in facts),
        strengths=strengths,
        sources=sources,
        digest=digest,
        vocabulary=facts,
        acceptance=acceptance,
        gains=gains,
        tie=tie,
    )


def load_facts(root: Path) -> tuple[Fact, ...]:
    """The vocabulary; raises RuleParseError when `facts.yaml` does not follow its format."""
    faults = Faults()
    facts = entries_of(root / "facts.yaml", Fact, faults)
    faults.raise_as(RuleParseError, hint=HINT)
    return facts


def check_file(path: Path, root: Path) -> tuple[Rule, tuple[RuleCase, ...]]:
    """One rule file against the vocabulary and sources of a rules folder, with its cases.

    Raises RuleParseError or UnknownFactError. A rule without a cases file has no cases.
    """
    if not path.exists():
        raise RuleParseError(MISSING, hint=MISSING_HINT, where=str(path))
    faults = Faults()
    facts = entries_of(root / "facts.yaml", Fact, faults)
    sources = entries_of(root / "sources.yaml", Source, faults)
    document = read(path, faults)
    rules = _rules([document] if document else [], faults)
    cases_path = path.with_name(path.stem + CASES)
    cases = read_cases(cases_path, path.parent, faults) if cases_path.is_file() else ()
    faults.raise_as(
        RuleParseError, hint="Mend the file at the named line; rules/README.md shows one."
    )
    _check(root, rules, facts, sources)
    return rules[0][1], cases


def _rules(documents: Iterable[Document], faults: Faults) -> list[tuple[Document, Rule]]:
    rules: list[tuple[Document, Rule]] = []
    ids: dict[str, str] = {}
    for document in documents:
        if document.content is None:
            faults.add(document.shown, EMPTY)
            continue
        try:
            rule = Rule.model_validate(document.content)
        except ValidationError as error:
            note_invalid(document, error, faults)
            continue
        kind = KIND_OF_FOLDER.get(document.path.parent.name, rule.kind)
        if rule.id != document.path.stem:
            faults.add(
                document.place(("id",)),
                f"id: '{rule.id}' is not '{document.path.stem}', the file's name",
            )
        if rule.kind != kind:
            faults.add(
                document.place(("kind",)),
                f"kind: a {rule.kind} rule does not belong in this folder",
            )
        if rule.id in ids:
            faults.add(document.place(("id",)), f"id: '{rule.id}' is taken by {ids[rule.id]}")
        ids[rule.id] = document.shown
        rules.append((document, rule))
    return rules


def _check(
    root: Path,
    rules: Sequence[tuple[Document, Rule]],
    facts: Sequence[Fact],
    sources: Sequence[Source],
) -> None:
    """What every rule must keep beside the others of a rules folder."""
    vocabulary = {fact.id: fact for fact in facts}
    known_sources = frozenset(source.id for source in sources)
    ids = {rule.id for _, rule in rules} | {path.stem for path in rule_files(root)}
    unknown, other = Faults(), Faults()
    for document, rule in rules:
        for fault in unknown_facts(rule, vocabulary):
            unknown.add(_place_of(document, fault), fault)
        for fault in _succession_faults(rule, ids):
            other.add(document.place(("replaced_by",)), fault)
        for fault in faults_of(rule, vocabulary, known_sources):
            other.add(_place_of(document, fault), fault)
    if other.found:
        other.found.extend(unknown.found)
        other.raise_as(RuleParseError, hint=HINT)
    unknown.raise_as(UnknownFactError, hint="rules/facts.yaml lists every fact a rule may ask for.")


def _succession_faults(rule: Rule, known: AbstractSet[str]) -> Iterator[str]:
    """Why a rule cannot have been replaced as it says."""
    if rule.replaced_by and rule.status != "retired":
        yield "only a retired rule is replaced by another"
    elif rule.replaced_by and rule.replaced_by not in known:
        near = suggestion(rule.replaced_by, known)
        yield f"replaced_by: no rule is called '{rule.replaced_by}'{near}"


def _place_of(document: Document, fault: str) -> str:
    """Line of the first word of the file that the fault names, or the line of its path."""
    head = fault.split(":", 1)[0]
    if head.startswith("then."):
        return document.place(("then", int(head.removeprefix("then."))))
    word = fault.split("'")[1] if fault.startswith("unknown ") else head
    for number, line in enumerate(document.text.splitlines(), start=1):
        if word in line:
            return f"{document.shown}:{number}"
    return document.place(())


def _digest(root: Path) -> str:
    """SHA-256 over every file that the rulebook is made of; a missing one is told later."""
    digest = hashlib.sha256()
    named = ("facts.yaml", "sources.yaml", "strengths.yaml", ACCEPTANCE, GAINS)
    files = [path for name in named if (path := root / name).is_file()]
    for path in (*files, *rule_files(root)):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _with_policy(digest: str, policy: Path) -> str:
    return hashlib.sha256(digest.encode() + policy.read_bytes()).hexdigest()


__all__ = [
    "RulebookError",
    "case_files",
    "check_file",
    "load_cases",
    "load_facts",
    "load_rulebook",
    "rule_files",
]
