import importlib.util
import json
from dataclasses import replace

import pytest

from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook
from benchmarks.decisions import advice, firing, score
from benchmarks.decisions.bootstrap import interval95
from benchmarks.decisions.fixed_orders import fixed_answers, rate_order
from benchmarks.decisions.judge import judged
from benchmarks.decisions.ranking import Answer
from benchmarks.decisions.rivals import evidence_tree, evidence_tree_with_score, folklore
from benchmarks.decisions.table import DEVELOPMENT, load, read_lines
from benchmarks.decisions.votes import mean

CONTRACT = {"n", "acceptable", "regret", "harm", "brier", "coverage", "acceptable_ci95"}


@pytest.fixture(scope="module")
def development():
    return load(DEVELOPMENT)


@pytest.fixture(scope="module")
def training(development):
    return [row.case for row in development.rows]


@pytest.fixture
def few(tmp_path):
    """Two rows of known sources, one of a new source, and rows that cannot be mapped."""
    lines = DEVELOPMENT.read_text(encoding="utf-8").splitlines()
    by_id = {json.loads(line)["id"]: json.loads(line) for line in lines}
    kept = [by_id["ovadia-anatomy"], by_id["loraland-covid"], by_id["anyscale-viggo"]]
    kept[2]["source"]["url"] = "arXiv:9999.99999"
    broken = [
        by_id["loraland-drop"] | {"id": "odd-arm", "measured": {"seance": {"value": 1}}},
        {"id": "bare"},
        by_id["pit-llama2"],
        by_id["loraland-drop"] | {"weight": 0},
    ]
    path = tmp_path / "cases.jsonl"
    rows = [json.dumps(row) for row in (*kept, *broken)]
    path.write_text("\n".join([*rows, "not json", "[]"]) + "\n", encoding="utf-8")
    return path


def scored(capsys, *arguments):
    assert score.main([str(a) for a in arguments]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_development_table_holds_facts_and_figures_only(development):
    lines = DEVELOPMENT.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 169
    assert len(development.rows) == 161
    assert len(development.sources) == 56
    assert development.unmapped.keys() == {"fewer than two families measured"}
    for row in rows:
        assert row.keys().isdisjoint({"title", "lesson", "outcome", "notes", "other_results"})
        assert row["source"].keys() == {"url"}
        assert all(arm.keys() == {"metric", "value"} for arm in row["measured"].values())


def test_the_document_has_the_keys_of_the_contract(few, capsys):
    found = scored(capsys, "--cases", few, "--json")
    for name in ("without_score", "with_score"):
        assert found[name].keys() >= CONTRACT
        assert found[name]["n"] == 3
        assert found[name]["coverage"] == 1.0
        assert set(found["paired"][name]) == {
            "fixed_order",
            "fixed_order_by_rate",
            "folklore",
            "evidence_tree",
            "evidence_tree_with_score",
        }
    for rival in found["paired"]["with_score"]:
        assert found[rival]["n"] == 3
    assert found.keys() >= {"unmapped", "versions", "date", "in_sample_rules_as_shipped"}


def test_rows_that_cannot_be_mapped_are_counted_and_named(few, capsys):
    found = scored(capsys, "--cases", few, "--json")
    assert found["unmapped"] == {
        "unknown arm seance": 1,
        "cannot be read (KeyError)": 1,
        "fewer than two families measured": 1,
        "a weight or value that is no number": 1,
        "not a JSON object": 2,
    }
    assert found["unmapped_ids"]["unknown arm seance"] == ["odd-arm"]
    assert found["unmapped_ids"]["not a JSON object"] == ["line 8", "line 9"]


def test_a_new_source_is_unseen_and_the_others_are_not(few, capsys):
    counts = scored(capsys, "--cases", few, "--json")["scored_by"]
    assert counts["unseen"] == 1
    assert sum(counts.values()) == 3


def test_without_json_a_table_comes_first_and_misses_are_listed(few, capsys):
    assert score.main(["--cases", str(few), "--misses"]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("policy")
    assert json.loads(last)["with_score"]["n"] == 3


def test_a_file_without_one_scorable_row_still_gives_a_document(tmp_path, capsys):
    path = tmp_path / "empty.jsonl"
    path.write_text("", encoding="utf-8")
    found = scored(capsys, "--cases", path)
    assert found["without_score"]["n"] == 0
    assert found["unmapped"] == {}


def test_a_left_out_source_is_judged_by_rules_that_have_not_seen_it(training):
    shipped = load_rulebook(rules_root())
    seen = []

    def refit(rulebook, cases):
        seen.append({case.source for case in cases})
        return rulebook.model_copy(update={"digest": "fitted"})

    books = advice.Books(shipped, training, refit)
    source = training[0].source
    assert books.book_for(source).digest == "fitted"
    assert books.book_for(source).digest == "fitted"
    assert len(seen) == 1
    assert source not in seen[0]
    assert len(seen[0]) == 55
    assert books.evidence_of(source) == "left_out"
    assert books.evidence_of("elsewhere") == "unseen"
    assert books.book_for("elsewhere") is shipped
    assert advice.Books(shipped, training, None).evidence_of(source) == "in_sample"


def test_a_source_left_out_strictly_takes_its_rules_along(training):
    shipped = load_rulebook(rules_root())
    fires = firing.firing(shipped, training)
    source, leaning = next(
        (case.source, found)
        for case in training
        if (found := firing.leaning_on(case.source, fires))
    )
    books = advice.Books(shipped, training, None)
    assert books.book_for(source) == shipped
    strict = replace(books, is_strict=True).book_for(source)
    assert {r.id for r in shipped.rules} - {r.id for r in strict.rules} == leaning


def test_a_contradiction_of_rules_is_a_reason_and_no_traceback(development, training):
    shipped = load_rulebook(rules_root())
    [rule, *_] = [r for r in shipped.rules if r.kind == "decision"]
    action = rule.then[0].model_copy(update={"approach": "rag", "strength": None})
    sure = rule.when.model_validate({"none": [{"fact": "task.kind", "op": "is", "value": "none"}]})
    clash = [
        rule.model_copy(
            update={
                "id": effect,
                "when": sure,
                "then": (action.model_copy(update={"effect": effect}),),
            }
        )
        for effect in ("require", "forbid")
    ]
    book = shipped.model_copy(update={"rules": (*shipped.rules, *clash)})
    rows = [development.rows[0]]
    answers, unanswered = advice.advice(rows, lambda _: book, with_score=False)
    assert answers == {}
    assert unanswered == {"no decision (RuleConflictError)": (rows[0].case.id,)}


def test_rivals_reach_what_the_evidence_says_of_them(development, training):
    def reached(answer):
        verdicts = [judged(row, answer(row)) for row in development.rows]
        return mean(verdicts, "acceptable"), mean(verdicts, "regret")

    assert reached(folklore) == pytest.approx((0.52, 8.1), abs=0.1)
    assert reached(evidence_tree) == pytest.approx((0.735, 4.6), abs=0.05)
    assert reached(evidence_tree_with_score) == pytest.approx((0.76, 3.1), abs=0.05)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_our_figures_are_those_of_the_evidence_script(development, training):
    path = score.ROOT.parent / "shared" / "evidence" / "decisions" / "score.py"
    if not path.is_file():
        pytest.skip("the evidence is not beside this checkout (../shared/evidence/decisions)")
    spec = importlib.util.spec_from_file_location("evidence_score", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    fixed = fixed_answers(development.rows, training, rate_order)
    some = {name: answer for name, answer in fixed.items() if "loraland" not in name}
    for answers in (fixed, some):
        told = {
            name: {"id": name, "ranking": list(answer.families), "p": dict(answer.chances)}
            for name, answer in answers.items()
        }
        theirs, _ = script.score(told, boot=100)
        verdicts = [judged(row, answers.get(row.case.id)) for row in development.rows]
        ours = score.summary(verdicts)
        assert (ours["n"], ours["coverage"]) == (
            theirs["n"],
            pytest.approx(theirs["coverage"], abs=1e-4),
        )
        names = {"acceptable": "accept", "top": "top", "regret": "regret", "brier": "brier"}
        for name, their_name in names.items():
            assert mean(verdicts, name) == pytest.approx(theirs[their_name], rel=1e-9), name
        assert tuple(interval95(verdicts, "acceptable", draws=100)) == theirs["accept_ci95"]


def test_the_same_table_read_from_lines_is_the_same():
    text = DEVELOPMENT.read_text(encoding="utf-8")
    assert read_lines(text.splitlines()) == load(DEVELOPMENT)


def test_an_answer_that_names_no_measured_family_is_not_covered(development):
    row = next(row for row in development.rows if "rl" not in row.case.values)
    verdict = judged(row, Answer(("rl",)))
    assert verdict.picked is None
    assert "acceptable" not in verdict.figures
