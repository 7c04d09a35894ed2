"""The rules of a folder as one rulebook; what is wrong in any file is told together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from advisor.errors import RulebookError, RuleParseError, UnknownFactError
from advisor.rulebook.check import faults_of, gain_faults, unknown_facts
from advisor.rulebook.policy import apply_policy
from advisor.rulebook.reading import Document, Faults, note_invalid, read, suggestion
from advisor.schema.base import Value
from advisor.schema.facts import Fact
from advisor.schema.rule import (
    Acceptance,
    GainBand,
    Rule,
    Rulebook,
    RuleCase,
    Source,
    Strength,
)

FOLDERS = ("decisions", "warnings", "gates", "defaults")
KIND_OF_FOLDER = {
    "decisions": "decision",
    "warnings": "warning",
    "gates": "gate",
    "defaults": "default",
}
CASES = ".cases.yaml"
STRENGTHS: tuple[Strength, ...] = ("weak", "moderate", "strong")
TIE = "tie"
ACCEPTANCE = "acceptance.yaml"
GAINS = "gains.yaml"
HINT = "`advisor rules check FILE` tells what a rule file still lacks."

V = TypeVar("V", bound=Value)


def load_rulebook(root: Path, policy: Path | None = None) -> Rulebook:
    """Every rule below a folder, with the vocabulary, the sources and the user's policy applied.

    Raises RuleParseError for files that do not follow the format, UnknownFactError for rules that
    name a fact nobody knows, RulebookError for a policy that names no rule.
    """
    faults = Faults()
    facts = _entries(root / "facts.yaml", Fact, faults)
    sources = _entries(root / "sources.yaml", Source, faults)
    strengths, tie = _strengths(root / "strengths.yaml", faults)
    acceptance = _acceptance(root / ACCEPTANCE, faults)
    gains = _gains(root / GAINS, {fact.id: fact for fact in facts}, faults)
    documents = [_read(path, root, faults) for path in rule_files(root)]
    rules = _rules([d for d in documents if d is not None], faults)
    faults.raise_as(RuleParseError, hint=HINT)
    _check(rules, facts, sources)
    book = Rulebook(
        rules=tuple(rule for _, rule in rules),
        facts=tuple(fact.id for fact in facts),
        strengths=strengths,
        sources=sources,
        digest=_digest(root, policy),
        vocabulary=facts,
        acceptance=acceptance,
        gains=gains,
        tie=tie,
    )
    return book if policy is None else apply_policy(book, policy)


def load_facts(root: Path) -> tuple[Fact, ...]:
    """The vocabulary; raises RuleParseError when `facts.yaml` does not follow its format."""
    faults = Faults()
    facts = _entries(root / "facts.yaml", Fact, faults)
    faults.raise_as(RuleParseError, hint=HINT)
    return facts


def load_cases(root: Path) -> dict[str, tuple[RuleCase, ...]]:
    """The cases of every rule by rule id; raises RuleParseError when a file is wrong."""
    faults = Faults()
    cases = {
        path.name.removesuffix(CASES): read_cases(path, root, faults) for path in case_files(root)
    }
    faults.raise_as(RuleParseError, hint=HINT)
    return cases


def check_file(path: Path, root: Path) -> tuple[Rule, tuple[RuleCase, ...]]:
    """One rule file against the vocabulary and sources of a rules folder, with its cases.

    Raises RuleParseError or UnknownFactError. A rule without a cases file has no cases.
    """
    faults = Faults()
    facts = _entries(root / "facts.yaml", Fact, faults)
    sources = _entries(root / "sources.yaml", Source, faults)
    document = read(path, faults)
    rules = _rules([document] if document else [], faults)
    cases_path = path.with_name(path.stem + CASES)
    cases = read_cases(cases_path, path.parent, faults) if cases_path.is_file() else ()
    faults.raise_as(
        RuleParseError, hint="Mend the file at the named line; rules/README.md shows one."
    )
    _check(rules, facts, sources)
    return rules[0][1], cases


def rule_files(root: Path) -> list[Path]:
    """Every rule file below a rules folder, in a fixed order."""
    return [
        path
        for folder in FOLDERS
        for path in sorted((root / folder).glob("*.yaml"))
        if not path.name.endswith(CASES)
    ]


def case_files(root: Path) -> list[Path]:
    """Every cases file below a rules folder, in a fixed order."""
    return [path for folder in FOLDERS for path in sorted((root / folder).glob(f"*{CASES}"))]


def read_cases(path: Path, root: Path, faults: Faults) -> tuple[RuleCase, ...]:
    """The cases of one file; what is wrong goes to `faults`."""
    document = _read(path, root, faults)
    if document is None:
        return ()
    content = document.content
    stem = path.name.removesuffix(CASES)
    if not isinstance(content, dict) or set(content) != {"rule", "cases"}:
        faults.add(document.place(()), "a cases file holds the keys `rule` and `cases`")
        return ()
    if content["rule"] != stem:
        faults.add(
            document.place(("rule",)), f"rule: '{content['rule']}' is not '{stem}', the file's name"
        )
    return _each(document, content["cases"], RuleCase, faults, at=("cases",))


def _read(path: Path, root: Path, faults: Faults) -> Document | None:
    shown = f"{root.name}/{path.relative_to(root)}" if path.is_relative_to(root) else str(path)
    return read(path, faults, shown=shown)


def _entries(path: Path, kind: type[V], faults: Faults) -> tuple[V, ...]:
    document = _read(path, path.parent, faults)
    if document is None:
        return ()
    entries = _each(document, document.content, kind, faults)
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        name = str(getattr(entry, "id", number))
        if name in seen:
            faults.add(document.place((number,)), f"the id '{name}' stands twice")
        seen.add(name)
    return entries


def _each(
    document: Document, items: Any, kind: type[V], faults: Faults, at: tuple[str, ...] = ()
) -> tuple[V, ...]:
    if not isinstance(items, list):
        faults.add(document.place(at), "a list was expected here")
        return ()
    entries: list[V] = []
    for number, item in enumerate(items):
        try:
            entries.append(kind.model_validate(item))
        except ValidationError as error:
            note_invalid(document, error, faults, (*at, number))
    return tuple(entries)


def _strengths(path: Path, faults: Faults) -> tuple[dict[Strength, float], float | None]:
    """The strengths, and the width of a tie where the file gives one."""
    document = _read(path, path.parent, faults)
    content = document.content if document else None
    if document is None:
        return {}, None
    if not isinstance(content, dict) or set(content) - {TIE} != set(STRENGTHS):
        expected = f"{', '.join(STRENGTHS)} (and {TIE}, if it is not weak)"
        faults.add(document.place(()), f"exactly these keys are expected: {expected}")
        return {}, None
    if not all(_is_weight(value) for value in content.values()):
        faults.add(document.place(()), "every strength is a number above 0")
        return {}, None
    tie = float(content[TIE]) if TIE in content else None
    return {name: float(content[name]) for name in STRENGTHS}, tie


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6


def _acceptance(path: Path, faults: Faults) -> Acceptance | None:
    """The fitted chances, where the folder has them."""
    document = _read(path, path.parent, faults) if path.is_file() else None
    if document is None:
        return None
    try:
        return Acceptance.model_validate(document.content)
    except ValidationError as error:
        note_invalid(document, error, faults)
        return None


def _gains(path: Path, vocabulary: Mapping[str, Fact], faults: Faults) -> tuple[GainBand, ...]:
    """The published gains, where the folder has them, with conditions on known facts."""
    document = _read(path, path.parent, faults) if path.is_file() else None
    if document is None:
        return ()
    bands = _each(document, document.content, GainBand, faults)
    for number, band in enumerate(bands):
        for fault in gain_faults(band, vocabulary):
            faults.add(document.place((number,)), fault)
    return bands


def _rules(documents: Iterable[Document], faults: Faults) -> list[tuple[Document, Rule]]:
    rules: list[tuple[Document, Rule]] = []
    ids: dict[str, str] = {}
    for document in documents:
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
    rules: Sequence[tuple[Document, Rule]], facts: Sequence[Fact], sources: Sequence[Source]
) -> None:
    vocabulary = {fact.id: fact for fact in facts}
    known_sources = frozenset(source.id for source in sources)
    unknown, other = Faults(), Faults()
    for document, rule in rules:
        for fault in unknown_facts(rule, vocabulary):
            unknown.add(_place_of(document, fault), fault)
        for fault in _succession_faults(rule, frozenset(known.id for _, known in rules)):
            other.add(document.place(("replaced_by",)), fault)
        for fault in faults_of(rule, vocabulary, known_sources):
            other.add(_place_of(document, fault), fault)
    if other.found:
        other.found.extend(unknown.found)
        other.raise_as(RuleParseError, hint=HINT)
    unknown.raise_as(UnknownFactError, hint="rules/facts.yaml lists every fact a rule may ask for.")


def _succession_faults(rule: Rule, known: frozenset[str]) -> Iterator[str]:
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


def _digest(root: Path, policy: Path | None) -> str:
    digest = hashlib.sha256()
    optional = [path for name in (ACCEPTANCE, GAINS) if (path := root / name).is_file()]
    files = [root / "facts.yaml", root / "sources.yaml", root / "strengths.yaml", *optional]
    for path in (*files, *rule_files(root)):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    if policy is not None and policy.is_file():
        digest.update(policy.read_bytes())
    return digest.hexdigest()


__all__ = [
    "RulebookError",
    "case_files",
    "check_file",
    "load_cases",
    "load_facts",
    "load_rulebook",
    "rule_files",
]
