"""Every row of the practitioners' table stands on a rule, a case and sources, and its claims hold."""

import importlib
import sys

import pytest

from advisor.resources import rules_root
from advisor.rulebook.load import load_cases, load_rulebook

BOOK = load_rulebook(rules_root())
CASES = load_cases(rules_root())
ACTIVE = {rule.id for rule in BOOK.rules if rule.status == "active"}
NAMED_IN_THE_TRADE = {
    "Our field has its own terms",
    "one consistent format",
    "a style or a tone",
    "knowledge that changes",
    "one-off questions",
    "makes up facts that everybody knows",
    "less than fifty dollars",
    "Fifty to a hundred examples",
    "500 to 1,000 good examples",
    "10,000 examples",
    "large shift of domain",
    "prompts shorter",
}


@pytest.fixture(scope="module")
def table(root):
    """The module that makes the page; scripts are no package of the wheel."""
    sys.path.insert(0, str(root))
    yield importlib.import_module("scripts.docs_when_to_tune")
    sys.path.remove(str(root))


@pytest.fixture(scope="module")
def rows(table):
    return [row for group in table.groups() for row in group.rows]


def test_every_saying_of_the_trade_has_a_row(rows):
    unanswered = {part for part in NAMED_IN_THE_TRADE if not any(part in r.saying for r in rows)}
    assert unanswered == set()
    assert len({row.saying for row in rows}) == len(rows) >= 28


def test_every_row_names_an_active_rule_and_a_case_that_fires(rows, table):
    for row in rows:
        assert row.rule in ACTIVE, row.saying
        case = table.case_of(row, CASES.get(row.rule, ()))
        assert case is not None, f"{row.saying}: no case '{row.case}'"
        assert case.expect == "fires", row.saying


def test_every_row_cites_sources_that_exist_and_gives_a_reason(rows):
    known = {source.id for source in BOOK.sources}
    for row in rows:
        assert set(row.sources) <= known, row.saying
        assert len(row.why.split()) >= 10, row.saying


def test_every_claim_claims_something_and_holds(rows, table):
    claims = [(row.saying, claim) for row in rows for claim in row.claims]
    assert len(claims) >= 25
    for saying, claim in claims:
        assert claim.advises or claim.not_advises or claim.sets, saying
        decision = table.decided(claim, BOOK)
        assert decision.recommended is not None, saying
        if claim.advises:
            assert decision.recommended in claim.advises, saying
        assert decision.recommended not in claim.not_advises, saying
        filled = {setting.key: setting.value for setting in decision.settings}
        assert claim.sets.items() <= filled.items(), saying


def test_the_page_shows_every_row_with_its_rule(rows, table):
    page = table.page()
    for row in rows:
        assert f"### {row.saying}" in page
        assert f"rules.md#{row.rule})" in page
        assert f"(#{table.anchor(row.saying)})" in page
