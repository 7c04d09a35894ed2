"""Every case beside every rule comes out as it says."""

import pytest

from advisor.resources import rules_root
from advisor.rulebook.conditions import evaluate
from advisor.rulebook.load import case_files, load_cases, load_rulebook, rule_files
from advisor.schema.profile import Profile

ROOT = rules_root()
RULES = {rule.id: rule for rule in load_rulebook(ROOT).rules}
CASES = load_cases(ROOT)
ALL = [(rule_id, case) for rule_id, cases in CASES.items() for case in cases]


@pytest.mark.parametrize(("rule_id", "case"), ALL, ids=[f"{r}: {c.name}" for r, c in ALL])
def test_case(rule_id, case):
    profile = Profile.model_validate(case.profile)
    assert evaluate(RULES[rule_id].when, profile).word == case.expect


def test_nothing_on_disk_was_overlooked():
    on_disk = [
        path
        for folder in ("decisions", "warnings", "gates", "defaults")
        for path in (ROOT / folder).iterdir()
    ]
    assert len(on_disk) == len(RULES) + len(CASES)
    assert {path.stem for path in rule_files(ROOT)} == set(RULES)
    assert len(case_files(ROOT)) == len(CASES)
    assert set(CASES) == set(RULES)
    written = sum(path.read_text().count("\n  - name:") for path in case_files(ROOT))
    assert written == len(ALL)
