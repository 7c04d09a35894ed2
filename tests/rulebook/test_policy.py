"""A user's policy changes the advice, with its reason, and is told."""

from pathlib import Path

import pytest

from advisor.errors import RuleParseError
from advisor.resources import rules_root
from advisor.rulebook.about import check_path, check_policy, listed
from advisor.rulebook.engine import rank
from advisor.rulebook.load import load_rulebook
from advisor.rulebook.policy import is_policy
from advisor.schema.profile import KnowledgeFacts, Profile, TaskFacts

SMALL = Path(__file__).parent.parent / "fixtures" / "small_rules"
MANUALS = Profile(
    task=TaskFacts(kind="question_answering"), knowledge=KnowledgeFacts(in_documents=True)
)
HOUSE_RULE = """
- add:
    id: we-rent-no-gpus
    when: {fact: task.kind, op: is, value: question_answering}
    then:
      - {effect: forbid, approach: rag}
      - {effect: favour, approach: long_context, strength: strong}
  reason: the contract says so
"""


def load(tmp_path, text, root=SMALL):
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    return load_rulebook(root, path)


def test_a_rule_switched_off_is_silent(tmp_path):
    book = load(tmp_path, "- {rule: knowledge-in-documents, off: true, reason: a trial}\n")
    decision = rank(MANUALS, book)
    assert rank(MANUALS, load_rulebook(SMALL)).recommended == "rag"
    assert decision.recommended == "prompting"
    assert decision.policy == ("knowledge-in-documents is off: a trial",)
    assert "knowledge-in-documents" not in {t.rule_id for t in decision.trace}


def test_a_rule_may_be_reweighed(tmp_path):
    book = load(
        tmp_path, "- {rule: knowledge-in-documents, strength: weak, reason: small library}\n"
    )
    ranked = {r.approach: r.score for r in rank(MANUALS, book).approaches}
    assert ranked["rag"] == 1
    assert ranked["fine_tuning"] == -1


def test_a_rule_may_be_added(tmp_path):
    book = load(tmp_path, HOUSE_RULE)
    decision = rank(MANUALS, book)
    assert decision.recommended == "long_context"
    assert decision.policy == ("we-rent-no-gpus is added: the contract says so",)
    forbidden = decision.approaches[-1]
    assert (forbidden.approach, forbidden.probability_acceptable) == ("rag", 0.0)
    (reason,) = [r for r in forbidden.reasons if r.effect == "forbid"]
    assert (reason.rule_id, reason.title) == ("we-rent-no-gpus", "We rent no gpus")
    assert reason.why == "the contract says so"
    added = book.rules[-1]
    assert (added.kind, added.evidence, added.sources) == ("decision", "opinion", ())


def test_an_added_rule_may_say_all_of_it(tmp_path):
    text = HOUSE_RULE.replace(
        "    when:",
        "    title: No cards\n    kind: warning\n    evidence: strong\n    why: they are gone\n"
        "    sources: [{ref: ovadia-2023}]\n    when:",
    ).replace("{effect: forbid, approach: rag}", "{effect: warn, message: mind}")
    text = text.replace("      - {effect: favour, approach: long_context, strength: strong}\n", "")
    decision = rank(MANUALS, load(tmp_path, text))
    assert decision.warnings == ("mind",)
    assert decision.recommended == "rag"


def test_a_rule_may_be_added_to_the_shipped_ones(tmp_path):
    assert rank(MANUALS, load(tmp_path, HOUSE_RULE, rules_root())).policy


def test_a_list_marks_what_a_policy_did(tmp_path):
    text = HOUSE_RULE + (
        "- {rule: new-language, off: true, reason: x}\n"
        "- {rule: cheap-first, strength: strong, reason: x}\n"
    )
    marks = {
        name: each.policy
        for name, each in listed(load_rulebook(SMALL), load(tmp_path, text)).items()
    }
    assert marks == {
        "cheap-first": "reweighed",
        "knowledge-in-documents": "",
        "new-language": "off",
        "volatile-knowledge": "",
        "no-leak": "",
        "we-rent-no-gpus": "added",
    }


def test_the_digest_follows_the_policy(tmp_path):
    book = load(tmp_path, "- {rule: no-leak, off: true, reason: a trial}\n")
    assert book.digest != load_rulebook(SMALL).digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {rule: no-leek, off: true, reason: x}\n", "did you mean 'no-leak'"),
        ("- {rule: no-leak, off: true}\n", "'reason' is missing"),
        ("- {rule: no-leak, reason: x}\n", "either switches a rule off"),
        ("- {reason: x}\n", "names a rule"),
        ("- {rule: no-leak, off: true, strength: weak, reason: x}\n", "either switches"),
        ("- {rule: no-leak, of: true, reason: x}\n", "unknown key 'of'; did you mean 'off'?"),
        ("rule: no-leak\n", "a policy file is a list"),
    ],
)
def test_a_wrong_policy_is_told(tmp_path, text, words):
    with pytest.raises(RuleParseError) as caught:
        load(tmp_path, text)
    assert words in caught.value.message
    assert "policy.yaml:1" in caught.value.where


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("task.kind", "task.kin", 4, "unknown fact 'task.kin'; did you mean 'task.kind'?"),
        ("value: question_answering", "value: question", 4, "none of question_answering"),
        ("id: we-rent-no-gpus", "id: no-leak", 3, "'no-leak' is taken"),
        ("approach: rag", "approach: rga", 6, "or 'none', not 'rga'"),
        ("effect: forbid", "effect: stop", 5, "a decision rule cannot `stop`"),
        ("strength: strong", "strength: huge", 7, "strength"),
        ("  reason", "  rule: no-leak\n  reason", 2, "changes no other"),
        ("    when:", "    sources: [{ref: ovadia-2024}]\n    when:", 5, "'ovadia-2023'"),
        ("    when:", "    wen: 1\n    when:", 4, "unknown key 'wen'"),
        ("  reason: the contract says so", "", 2, "'reason' is missing"),
    ],
)
def test_a_wrong_added_rule_is_told(tmp_path, old, new, line, words):
    assert old in HOUSE_RULE
    with pytest.raises(RuleParseError) as caught:
        load(tmp_path, HOUSE_RULE.replace(old, new, 1))
    assert words in caught.value.message
    assert f"policy.yaml:{line}" in caught.value.where


def test_one_rule_is_changed_once(tmp_path):
    line = "- {rule: no-leak, off: true, reason: x}\n"
    with pytest.raises(RuleParseError, match="in an entry above") as caught:
        load(tmp_path, line + line)
    assert caught.value.where.endswith("policy.yaml:2")
    with pytest.raises(RuleParseError, match="is taken"):
        load(tmp_path, HOUSE_RULE + HOUSE_RULE)


def test_a_rule_without_strengths_is_not_weighed_anew(tmp_path):
    with pytest.raises(RuleParseError, match="has no strength to weigh anew"):
        load(tmp_path, "- {rule: no-leak, strength: weak, reason: x}\n")


def test_faults_in_one_place_are_counted_so(tmp_path):
    with pytest.raises(RuleParseError, match="4 faults in 1 place:"):
        load(tmp_path, "- {rule: no-leek, off: true, of: true, reson: x}\n")


def test_an_added_rule_that_waits_for_a_fact_is_told(tmp_path):
    waits = HOUSE_RULE.replace(
        "task.kind, op: is, value: question_answering",
        "task.needs_new_language, op: is, value: true",
    )
    book = load(tmp_path, waits)
    assert book.added == ("we-rent-no-gpus",)
    assert rank(MANUALS, book).policy == (
        "we-rent-no-gpus is added: the contract says so",
        "we-rent-no-gpus does not speak yet: task.needs_new_language is unknown",
    )
    plain = Profile(task=TaskFacts(kind="question_answering", needs_new_language=False))
    assert rank(plain, book).policy == ("we-rent-no-gpus is added: the contract says so",)


def test_a_missing_policy_is_told(tmp_path):
    with pytest.raises(RuleParseError, match="does not exist"):
        load_rulebook(rules_root(), tmp_path / "nowhere.yaml")


def test_a_policy_is_told_from_a_rule(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(HOUSE_RULE)
    assert is_policy(path)
    assert not is_policy(SMALL / "gates" / "no-leak.yaml")
    assert not is_policy(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (
            "[{effect: forbid, approach: rag}, {effect: require, approach: rag}]",
            "rag is both required and forbidden",
        ),
        (
            "[{effect: require, approach: rag}, {effect: require, approach: few_shot}]",
            "rag and few_shot are required",
        ),
    ],
)
def test_an_added_rule_at_odds_with_itself_is_refused(tmp_path, then, words):
    when = "{fact: task.kind, op: is, value: question_answering}"
    text = f"- add:\n    id: mine\n    when: {when}\n    then: {then}\n  reason: x\n"
    with pytest.raises(RuleParseError, match=words) as caught:
        load(tmp_path, text)
    assert caught.value.where.endswith("policy.yaml:4")
    path = tmp_path / "policy.yaml"
    with pytest.raises(RuleParseError, match=words):
        check_policy(path)


def test_every_fault_of_a_policy_is_told_at_once_and_in_plain_words(tmp_path):
    text = """
- add:
    id: one
    when: {fact: task.kin, op: is, value: question_answering}
    then: {effect: forbid}
  reason: x
- {add: hello, reason: x}
- 7
- {rule: no-leek, off: maybe, reason: ""}
- add:
    id: two
    when: {fact: task.kind, op: is}
    thn: []
    then: [{effect: forbid, approach: rag}, {effect: require, approach: rag}, {effect: warn}]
  reason: x
"""
    with pytest.raises(RuleParseError) as caught:
        load(tmp_path, text)
    told = caught.value.message
    for words in (
        "4: unknown fact 'task.kin'; did you mean 'task.kind'?",
        "5: 0.add.then: a list of effects is expected",
        "7: 1.add: a set of `key: value` is expected, not 'hello'",
        "8: 2: a set of `key: value` is expected, not 7",
        "no rule is called 'no-leek'; did you mean 'no-leak'?",
        "3.off: true or false is expected, not 'maybe'",
        "3.reason: this must not be empty",
        "unknown key 'thn'",
        "rag is both required and forbidden",
        "then.2: `warn` needs `message`",
    ):
        assert words in told, told
    assert "Input should" not in told
    assert "instance of" not in told


def test_an_empty_policy_says_so_and_a_missing_one_speaks_of_no_lines(tmp_path):
    with pytest.raises(RuleParseError, match="this file is empty"):
        load(tmp_path, "# nothing\n")
    with pytest.raises(RuleParseError) as caught:
        load_rulebook(SMALL, tmp_path / "nowhere.yaml")
    assert "Name the policy file" in caught.value.hint
    for name in ("policy.yaml", "nowhere.yaml"):
        with pytest.raises(RuleParseError) as caught:
            check_path(tmp_path / name)
        assert ("empty" in caught.value.message) == (name == "policy.yaml")
    assert "line" not in caught.value.hint
