import json

import pytest

from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook
from benchmarks.decisions import firing, support
from benchmarks.decisions.table import DEVELOPMENT, load


@pytest.fixture(scope="module")
def rulebook():
    return load_rulebook(rules_root())


@pytest.fixture(scope="module")
def rows():
    return load(DEVELOPMENT).rows


def test_a_rule_fires_in_the_sources_of_its_cases(rulebook, rows):
    preference = [row.case for row in rows if row.case.task_kind == "preference"]
    others = [row.case for row in rows if row.case.task_kind != "preference"]
    ours = firing.firing(rulebook, preference)
    both = firing.firing(rulebook, [*preference, *others])
    assert ours.keys() == {
        r.id for r in rulebook.rules if r.kind == "decision" and r.status == "active"
    }
    named = {case.source for case in preference}
    assert all(sources <= named for sources in ours.values())
    assert all(ours[rule] <= both[rule] for rule in both)
    assert any(ours.values())


def test_a_rule_leans_on_a_source_where_too_few_others_speak_for_it():
    fires = {"one": {"a"}, "two": {"a", "b"}, "three": {"a", "b", "c"}, "elsewhere": {"b"}}
    assert firing.leaning_on("a", fires) == {"one", "two"}
    assert firing.leaning_on("a", fires, fewest=1) == {"one"}
    assert firing.leaning_on("d", fires) == set()


def test_a_switched_off_rule_is_gone(rulebook):
    first, *rest = rulebook.rules
    assert firing.switched_off(rulebook, {first.id}).rules == tuple(rest)


def test_what_a_rule_brings_is_told_where_it_fires(rulebook, rows):
    found = support.supported(rows[::16], rulebook)
    for row in found["rules"].values():
        changed = row["without_score"]["picks_changed"]
        assert changed <= row["cases"]
        if not changed:
            assert row["without_score"]["acceptable_brought"] == 0
            assert row["without_score"]["regret_spared"] == 0
    assert any(row["without_score"]["picks_changed"] for row in found["rules"].values())
    silent = found["never_fire"]
    assert all(found["rules"][rule]["cases"] == 0 for rule in silent)


def test_the_document_comes_last(tmp_path, capsys):
    path = tmp_path / "cases.jsonl"
    lines = DEVELOPMENT.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[31:33]), encoding="utf-8")
    assert support.main(["--cases", str(path)]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("rule")
    assert json.loads(last)["rules"]
