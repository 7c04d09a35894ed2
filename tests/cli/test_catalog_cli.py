import json

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli


@pytest.mark.parametrize(
    ("part", "key", "least"),
    [("gpus", "gpus", 15), ("models", "models", 12), ("prices", "offers", 50)],
)
def test_show_lists_a_part(part, key, least):
    result = CliRunner().invoke(cli, ["catalog", "show", part, "--json", "--as-of", "2026-11-25"])
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)[key]) >= least


@pytest.mark.parametrize("part", ["gpus", "models", "prices"])
def test_tables_fit_eighty_columns(part):
    result = CliRunner().invoke(cli, ["catalog", "show", part])
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_prices_of_an_older_day_are_fewer():
    def offers(day):
        done = CliRunner().invoke(cli, ["catalog", "show", "prices", "--json", "--as-of", day])
        return json.loads(done.stdout)["offers"]

    assert len(offers("2026-08-31")) < len(offers("2026-11-25"))
