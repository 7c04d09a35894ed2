"""Where a command takes --data, it takes --map."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.cli.prefill import prefilled
from advisor.errors import DatasetError, InputError
from advisor.interview.closing import Inputs
from advisor.schema.profile import Profile

MAP = "input=fall,target=urteil"


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "fremd.jsonl"
    rows = [{"nr": i, "fall": f"Akte {i} wegen Lärm", "urteil": "ja"} for i in range(60)]
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return file


def test_estimate_takes_it(data):
    words = ["estimate", "--model", "7b", "--data", str(data), "--json"]
    runner = CliRunner()
    refused = runner.invoke(cli, words)
    assert isinstance(refused.exception, DatasetError | SystemExit)
    assert refused.exit_code != 0
    found = runner.invoke(cli, [*words, "--map", MAP], catch_exceptions=False)
    assert found.exit_code == 0
    assert json.loads(found.stdout)["options"]


def test_estimate_refuses_it_without_data():
    found = CliRunner().invoke(cli, ["estimate", "--model", "7b", "--map", MAP])
    assert found.exit_code == 2
    assert "--map names fields of --data" in found.stderr


def test_the_interview_measures_with_it(data):
    with pytest.raises(DatasetError):
        prefilled(Profile(), Inputs(data=data))
    found = prefilled(Profile(), Inputs(data=data, mapping=MAP))
    assert found.data.labelled_samples == 60
    with pytest.raises(InputError):
        prefilled(Profile(), Inputs(data=data, mapping="input"))
    told = CliRunner().invoke(cli, ["interview", "--help"])
    assert "--map" in told.stdout
