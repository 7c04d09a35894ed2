import json

import pytest

from advisor.resources import rules_root
from advisor.rulebook.conditions import stated_facts
from advisor.rulebook.load import load_rulebook
from benchmarks.decisions import economy
from benchmarks.decisions.table import DEVELOPMENT, Table, load

MOST_ASKED = 0.6
"""Share of a fixed questionnaire that the adaptive interview may ask."""
MOST_POINTS_LOST = 2.0


@pytest.fixture(scope="module")
def rulebook():
    return load_rulebook(rules_root())


@pytest.fixture(scope="module")
def some():
    rows = load(DEVELOPMENT).rows
    return Table(rows[::20])


def test_the_interview_learns_only_what_the_case_states(rulebook, some):
    asker = economy.Asker(rulebook)
    for row in some.rows:
        who = economy.Respondent.of(row, with_score=True)
        interview = asker.interviewed(who)
        known = stated_facts(interview.at(interview.questions)[1])
        assert known.items() <= who.known.items()
        assert len(known) == interview.answered <= interview.questions
        assert stated_facts(interview.at(0)[1]) == {}
        assert interview.at(interview.questions + 5) == interview.at(interview.questions)


def test_the_questionnaire_asks_everything_once(rulebook, some):
    asker = economy.Asker(rulebook)
    who = economy.Respondent.of(some.rows[0], with_score=True)
    asked = [fact for fact in rulebook.vocabulary if fact.question]
    senseless = [fact for fact in asked if who.known.get(fact.follows) is False]
    assert asker.filled_in(who).questions == len(asked) - len(senseless) > 30


def test_the_document_tells_questions_and_accuracy(rulebook, some):
    found = economy.measured(some, rulebook)
    for name in ("without_score", "with_score"):
        figures = found[name]
        assert figures["n"] == len(some.rows)
        assert 0 < figures["questions_asked"] < figures["questions_fixed"]
        assert figures["share_asked"] <= MOST_ASKED
        assert figures["share_asked"] == pytest.approx(
            figures["questions_asked"] / figures["questions_fixed"], abs=0.05
        )
        assert [point["share"] for point in figures["curve"]] == [n / 10 for n in range(11)]
        last = figures["curve"][-1]
        assert last["adaptive"] == figures["acceptable_adaptive"]
        assert figures["points_lost"] == pytest.approx(
            100 * (figures["acceptable_full"] - figures["acceptable_adaptive"]), abs=0.05
        )


@pytest.mark.slow
def test_few_questions_lose_little_on_every_case(rulebook):
    found = economy.measured(load(DEVELOPMENT), rulebook)
    for name in ("without_score", "with_score"):
        assert found[name]["share_asked"] <= MOST_ASKED
        assert found[name]["points_lost"] <= MOST_POINTS_LOST


def test_the_document_comes_last(tmp_path, capsys):
    path = tmp_path / "cases.jsonl"
    lines = DEVELOPMENT.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[31:33]), encoding="utf-8")
    assert economy.main(["--cases", str(path)]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("without_score")
    assert json.loads(last)["with_score"]["n"] == 2
