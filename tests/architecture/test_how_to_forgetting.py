"""The page on forgetting names what is asked, what is allowed and every check there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.artifacts import RunFolder
from advisor.builtin.metrics.instruction_checks import BOUNDS, COUNTED, NAMES, SCRIPTS
from advisor.cli.main import cli
from advisor.evaluation.harness import NAMED_BY
from advisor.evaluation.probing import ALLOWED_NATS, ALLOWED_SHARE, FEWEST
from advisor.probe_sets import MOST_ASKED, probes_of
from advisor.resources import probe_root
from advisor.schema.run import RunSettings
from advisor.workspace import Workspace


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return " ".join((root / "docs/how-to/forgetting.md").read_text(encoding="utf-8").split())


def test_packaged_probes_stand_there_with_their_counts(page, root, tmp_path):
    space = Workspace(RunSettings(model="8b"), RunFolder(tmp_path))
    for probe in probes_of(space):
        row = re.search(rf"\| {probe.name} \|[^|]*?(\d+)[^|]*\|", page)
        assert row, probe.name
        assert int(row[1]) == len(probe.samples)
    kinds = probes_of(Workspace(RunSettings(), RunFolder(tmp_path)))
    assert f"is asked {len(kinds[0].samples)} conversations of its own kinds" in page
    listed = (probe_root() / "README.md").read_text(encoding="utf-8")
    for file in probe_root().glob("*.jsonl"):
        assert f"`{file.name}`" in listed


def test_what_is_allowed_stands_there(page):
    assert f"{100 * ALLOWED_SHARE:.0f} points" in page
    assert f"{ALLOWED_NATS} nats per token" in page
    assert f"fewer than {FEWEST} items" in page
    assert f"At most {MOST_ASKED} rows" in page


def test_every_check_stands_there(page):
    told = set(re.findall(r"`([a-z_]+)`", page))
    assert {f"{name}_" for name in COUNTED} <= told
    assert {bound.removeprefix("_") for bound in BOUNDS} <= told
    single = {name for name in NAMES if not name.endswith(tuple(BOUNDS))}
    assert single <= told
    assert ", ".join(SCRIPTS) in page


def test_its_options_are_those_of_the_commands(page):
    options = set(re.findall(r"--[a-z-]+", page)) - {"--metric-option"}
    for command in ("run", "verify"):
        known = CliRunner().invoke(cli, [command, "--help"]).output
        ours = {"--probe", "--no-probes", "--tolerate", "--harness-task", "--harness-path"}
        assert ours <= options
        assert all(option in known for option in ours)
    assert NAMED_BY in page
