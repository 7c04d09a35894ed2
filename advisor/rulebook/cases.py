"""The cases beside the rules of a folder."""

from __future__ import annotations

from pathlib import Path

from advisor.errors import RuleParseError
from advisor.rulebook.entries import CASES, FOLDERS, each_of, read_below
from advisor.rulebook.reading import Faults
from advisor.schema.rule import RuleCase

HINT = "`advisor rules check FILE` tells what a cases file still lacks."


def load_cases(root: Path) -> dict[str, tuple[RuleCase, ...]]:
    """The cases of every rule by rule id; raises RuleParseError when a file is wrong."""
    faults = Faults()
    cases = {
        path.name.removesuffix(CASES): read_cases(path, root, faults) for path in case_files(root)
    }
    faults.raise_as(RuleParseError, hint=HINT)
    return cases


def case_files(root: Path) -> list[Path]:
    """Every cases file below a rules folder, in a fixed order."""
    return [path for folder in FOLDERS for path in sorted((root / folder).glob(f"*{CASES}"))]


def read_cases(path: Path, root: Path, faults: Faults) -> tuple[RuleCase, ...]:
    """The cases of one file; what is wrong goes to `faults`."""
    document = read_below(path, root, faults)
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
    return each_of(document, content["cases"], RuleCase, faults, at=("cases",))
