"""A user's policy changes the advice, with its reason, and is told."""

import pytest

from advisor.errors import RuleParseError
from advisor.resources import rules_root
from advisor.rulebook.engine import rank
from advisor.rulebook.load import load_rulebook
from advisor.schema.profile import KnowledgeFacts, Profile, TaskFacts

MANUALS = Profile(
    task=TaskFacts(kind="question_answering"), knowledge=KnowledgeFacts(in_documents=True)
)


def load(tmp_path, text):
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    return load_rulebook(rules_root(), path)


def test_a_rule_switched_off_is_silent(tmp_path):
    book = load(tmp_path, "- {rule: knowledge-in-documents, off: true, reason: a trial}\n")
    decision = rank(MANUALS, book)
    assert rank(MANUALS, load_rulebook(rules_root())).recommended == "rag"
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


def test_the_digest_follows_the_policy(tmp_path):
    book = load(tmp_path, "- {rule: no-leak, off: true, reason: a trial}\n")
    assert book.digest != load_rulebook(rules_root()).digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {rule: no-leek, off: true, reason: x}\n", "did you mean 'no-leak'"),
        ("- {rule: no-leak, off: true}\n", "'reason' is missing"),
        ("- {rule: no-leak, reason: x}\n", "either switches a rule off"),
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


def test_a_missing_policy_is_told(tmp_path):
    with pytest.raises(RuleParseError, match="does not exist"):
        load_rulebook(rules_root(), tmp_path / "nowhere.yaml")
