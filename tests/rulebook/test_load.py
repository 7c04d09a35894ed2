"""A broken rules folder is told whole, with file and line."""

import shutil
from pathlib import Path

import pytest

from advisor.errors import RuleParseError, UnknownFactError
from advisor.resources import rules_root
from advisor.rulebook.about import check_path, rule_called, rules_about
from advisor.rulebook.load import check_file, load_cases, load_facts, load_rulebook

SMALL = Path(__file__).parent.parent / "fixtures" / "small_rules"
RULE = "decisions/volatile-knowledge.yaml"


@pytest.fixture
def rules(tmp_path):
    target = tmp_path / "rules"
    shutil.copytree(SMALL, target)
    return target


def change(rules, old, new, file=RULE):
    path = rules / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_shipped_rules_load():
    book = load_rulebook(rules_root())
    assert len(book.rules) >= 18
    assert book.facts == tuple(fact.id for fact in load_facts(rules_root()))
    assert set(load_cases(rules_root())) == {rule.id for rule in book.rules}


def test_the_digest_follows_the_rules(rules):
    before = load_rulebook(rules).digest
    assert before == load_rulebook(SMALL).digest
    change(rules, "value: 30", "value: 31")
    assert load_rulebook(rules).digest != before


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("status: active", "status: active\nstatus: draft", 5, "'status' stands twice"),
        ("when:", "wen:", 6, "unknown key 'wen'; did you mean 'when'?"),
        ("why: >", "wy: >", 1, "the key 'why' is missing"),
        ("op: at_most", "op: atmost", 8, "op"),
        ("strength: strong", "strength: huge", 11, "strength"),
        (", strength: strong", "", 11, "needs `approach` and `strength`"),
        ("approach: rag", "approach: ragg", 11, "approach"),
        ("value: 30", "value: often", 8, "'often' is not a number"),
        ("op: at_most, value: 30", "op: at_most, value: [1, 2]", 8, "takes one value"),
        ("op: is, value: true", "op: at_least, value: 1", 9, "compares numbers"),
        ("value: true", "value: yes", 9, "'yes' is not true or false"),
        ("effect: favour", "effect: stop", 11, "a decision rule cannot `stop`"),
        ("ref: virl-2025", "ref: virl-2052", 20, "unknown source 'virl-2052'; did you mean"),
        ("id: volatile-knowledge", "id: volatile", 1, "the file's name"),
        ("kind: decision", "kind: warning", 3, "folder"),
        ("since: 2026-11-25", "since: [", 7, "not valid YAML"),
    ],
)
def test_a_fault_is_told_with_its_place(rules, old, new, line, words):
    change(rules, old, new)
    with pytest.raises(RuleParseError) as caught:
        load_rulebook(rules)
    told = f"{caught.value.where} {caught.value.message}"
    assert words in told
    assert f"{RULE}:{line}" in told


def test_an_unknown_fact_is_told_with_the_nearest(rules):
    change(rules, "knowledge.must_be_current", "knowledge.must_be_curent")
    with pytest.raises(
        UnknownFactError, match=r"did you mean 'knowledge\.must_be_current'"
    ) as caught:
        load_rulebook(rules)
    assert caught.value.where == f"rules/{RULE}:9"


def test_several_faults_are_told_together(rules):
    change(rules, "strength: strong", "strength: huge")
    change(rules, "why: >", "wy: >", "gates/no-leak.yaml")
    (rules / "strengths.yaml").write_text("weak: 1\nstrong: 4\n")
    with pytest.raises(RuleParseError) as caught:
        load_rulebook(rules)
    for words in ("volatile-knowledge.yaml", "no-leak.yaml", "strengths.yaml", "4 faults"):
        assert words in caught.value.message


def test_missing_vocabulary_is_told(rules):
    (rules / "facts.yaml").unlink()
    with pytest.raises(RuleParseError, match="does not exist"):
        load_rulebook(rules)


def test_a_twin_id_is_told(rules):
    text = (rules / "facts.yaml").read_text()
    (rules / "facts.yaml").write_text(text + "\n- {id: task.kind, type: text, meaning: again}\n")
    with pytest.raises(RuleParseError, match=r"'task\.kind' stands twice"):
        load_rulebook(rules)


def test_a_cases_file_of_another_rule_is_told(rules):
    change(rules, "rule: no-leak", "rule: noleak", "gates/no-leak.cases.yaml")
    with pytest.raises(RuleParseError, match="the file's name"):
        load_cases(rules)


def test_check_runs_the_cases(rules):
    assert check_path(rules) == {
        "cheap-first": 2,
        "knowledge-in-documents": 3,
        "new-language": 5,
        "no-leak": 3,
        "volatile-knowledge": 5,
    }
    change(
        rules,
        "update_interval_days: 31",
        "update_interval_days: 29",
        RULE.replace(".yaml", ".cases.yaml"),
    )
    with pytest.raises(RuleParseError, match=r"Thirty-one days is not' is fires, not silent"):
        check_path(rules / RULE)
    with pytest.raises(RuleParseError, match="not silent"):
        check_path(rules)


def test_one_shipped_rule_is_checked_alone():
    assert check_path(rules_root() / "gates" / "no-leak.yaml") == {"no-leak": 3}


def test_acceptance_and_gains_are_read(rules):
    book = load_rulebook(rules)
    assert book.acceptance is not None
    assert book.acceptance.offsets == {"rag": 0.2}
    assert [band.likely for band in book.gains] == [12, 1]
    assert book.tie is None
    digest = book.digest
    change(rules, "likely: 12", "likely: 13", "gains.yaml")
    assert load_rulebook(rules).digest != digest


def test_acceptance_and_gains_may_be_missing(rules):
    (rules / "acceptance.yaml").unlink()
    (rules / "gains.yaml").unlink()
    book = load_rulebook(rules)
    assert book.acceptance is None
    assert book.gains == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "place", "words"),
    [
        ("acceptance.yaml", "intercept", "intercpt", "acceptance.yaml:1", "did you mean 'interc"),
        ("acceptance.yaml", "rag: 0.2", "rug: 0.2", "acceptance.yaml:4", "rug"),
        ("gains.yaml", "in_documents", "in_document", "gains.yaml:1", "unknown fact"),
        ("gains.yaml", "value: true", "value: 3", "gains.yaml:1", "not true or false"),
        ("gains.yaml", "low: -3", "low: 3", "gains.yaml:2", "must rise"),
        ("gains.yaml", "sources: 9", "sources: 32", "gains.yaml:1", "cannot come from"),
        ("gains.yaml", "approach: rag", "approach: rug", "gains.yaml:1", "approach"),
        ("strengths.yaml", "strong: 4", "strong: 4\nties: 2", "strengths.yaml:1", "exactly"),
        ("strengths.yaml", "strong: 4", "strong: 0", "strengths.yaml:1", "above 0"),
        ("strengths.yaml", "strong: 4", "strong: true", "strengths.yaml:1", "above 0"),
    ],
)
def test_a_fault_of_the_fits_is_told_with_its_place(rules, file, old, new, place, words):
    change(rules, old, new, file)
    with pytest.raises(RuleParseError) as caught:
        load_rulebook(rules)
    told = f"{caught.value.where} {caught.value.message}"
    assert words in told
    assert place in told


def test_the_width_of_a_tie_may_be_given(rules):
    change(rules, "weak: 1", "weak: 1\ntie: 1.5", "strengths.yaml")
    book = load_rulebook(rules)
    assert book.tie == 1.5
    assert set(book.strengths) == {"weak", "moderate", "strong"}


def test_what_replaced_a_retired_rule_is_checked(rules):
    change(rules, "status: active", "status: retired\nreplaced_by: knowledge-in-documents")
    assert load_rulebook(rules)
    assert check_file(rules / RULE, rules)[0].replaced_by == "knowledge-in-documents"
    change(rules, "replaced_by: knowledge-in-documents", "replaced_by: knowledge-in-document")
    with pytest.raises(RuleParseError, match="did you mean 'knowledge-in-documents'"):
        load_rulebook(rules)
    change(rules, "status: retired", "status: active")
    with pytest.raises(RuleParseError, match="only a retired rule"):
        load_rulebook(rules)


def test_a_draft_never_speaks(rules):
    from advisor.rulebook.engine import fire
    from advisor.schema.profile import Profile

    change(rules, "status: active", "status: draft")
    spoken = fire(load_rulebook(rules), Profile(), "decision")
    assert "volatile-knowledge" not in {f.rule.id for f in spoken}
    assert len(spoken) == 3


def test_rules_are_found_by_word():
    book = load_rulebook(rules_root())
    assert {r.id for r in rules_about(book, "continued pretraining")} >= {"new-language"}
    assert {r.kind for r in rules_about(book, "gate")} >= {"gate"}
    assert rule_called(book, "no-leak").kind == "gate"
    from advisor.errors import RulebookError

    with pytest.raises(RulebookError, match="did you mean 'no-leak'"):
        rule_called(book, "no-leek")
    with pytest.raises(RulebookError, match="No rule is about"):
        rules_about(book, "weather")
