import json

import pytest
from click.testing import CliRunner

from advisor import registry
from advisor.cli.plugins import command, plugin_entry


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(command, list(words))


def test_every_group_and_its_owner_is_listed(run):
    found = json.loads(run("--json").output)
    assert {"schema_version", "advisor_version", "as_of", "plugins"} <= set(found)
    pairs = {(p["group"], p["name"]): p["owner"] for p in found["plugins"]}
    assert pairs["advisor.trainers", "trl"] == "finetune-advisor"
    assert pairs["advisor.metrics", "exact_match"] == "finetune-advisor"


def test_one_group_can_be_asked_for(run):
    found = json.loads(run("metrics", "--json").output)
    assert {p["group"] for p in found["plugins"]} == {"advisor.metrics"}


def test_an_unknown_group_is_answered_with_a_guess(run):
    told = run("metric")
    assert told.exit_code == 2
    assert "Did you mean 'metrics'?" in told.output


def test_the_table_fits_eighty_columns(run):
    lines = run("--no-color").output.splitlines()
    assert any("exact_match" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_plugin_whose_extra_is_absent_says_so():
    entry = plugin_entry("advisor.prompting", "rag", missing={"rag"})
    assert not entry.ready
    assert entry.problem == "needs the extra rag"


@pytest.mark.parametrize("error", [RuntimeError("broken wheel"), ImportError("no such module")])
def test_a_stranger_that_fails_is_shown_with_its_reason(monkeypatch: pytest.MonkeyPatch, error):
    def fail(group, name):
        raise error

    monkeypatch.setattr(registry, "get", fail)
    entry = plugin_entry("advisor.metrics", "exact_match", missing=set())
    assert not entry.ready
    assert str(error) in entry.problem
