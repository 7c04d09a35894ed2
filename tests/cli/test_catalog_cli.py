import json

import pytest
from click.testing import CliRunner

from advisor.catalog import prices
from advisor.catalog.overlay import overlay, overlay_file, write_overlay
from advisor.cli.main import cli

DAY = "2026-11-26"


@pytest.fixture(autouse=True)
def fresh_series():
    def clear():
        for cached in (overlay, prices._series_by_gpu, prices._offers_of):
            cached.cache_clear()

    clear()
    yield
    clear()


def advisor(*words):
    return CliRunner().invoke(cli, ["catalog", *words])


@pytest.mark.parametrize(
    ("part", "key", "least"),
    [
        ("gpus", "gpus", 45),
        ("models", "models", 12),
        ("prices", "offers", 200),
        ("hosted", "hosted", 40),
        ("hosted", "inference", 100),
    ],
)
def test_show_lists_a_part(part, key, least):
    result = advisor("show", part, "--json", "--as-of", DAY)
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)[key]) >= least


def test_at_least_eighteen_providers_have_prices():
    offers = json.loads(advisor("show", "prices", "--json", "--as-of", DAY).stdout)["offers"]
    assert len({offer["provider"] for offer in offers}) >= 18


@pytest.mark.parametrize("part", ["gpus", "models", "prices", "hosted"])
def test_tables_fit_eighty_columns(part):
    result = advisor("show", part)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_prices_of_an_older_day_are_fewer():
    def offers(day):
        return json.loads(advisor("show", "prices", "--json", "--as-of", day).stdout)["offers"]

    assert len(offers("2026-08-31")) < len(offers("2026-11-25"))


def test_show_tells_the_age_of_prices():
    shown = advisor("show", "prices", "--as-of", DAY).stdout
    assert "Checked" in shown
    assert "17 d" in shown
    assert "no date" in shown
    assert "checked more than 30 days before" in " ".join(shown.split())


def test_gpu_only_prices_are_marked():
    shown = advisor("show", "prices", "--as-of", DAY).stdout
    assert "0.350*" in shown
    assert "billed apart" in shown


@pytest.mark.parametrize("url", ["skypilot", "other=http://x", "skypilot=ftp://x", "skypilot=/tmp"])
def test_a_wrong_mirror_is_a_usage_error(url):
    result = advisor("refresh", "--url", url)
    assert result.exit_code == 2
    assert "SOURCE=URL" in result.stderr


def test_no_connection_is_one_sentence_and_exit_code_one():
    words = [f"--url={name}=http://127.0.0.1:9" for name in ("gpuhunt", "skypilot", "genai-prices")]
    result = advisor("refresh", "--timeout", "2", "--quiet", *words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "No current prices, nothing has changed" in result.stderr
    assert not overlay_file().exists()


def test_mirrors_may_come_from_the_environment(monkeypatch):
    mirrors = "gpuhunt=http://127.0.0.1:9/mirror skypilot=http://127.0.0.1:9/mirror"
    monkeypatch.setenv("ADVISOR_PRICE_URLS", mirrors)
    result = advisor("refresh", "--source", "skypilot", "--timeout", "2")
    assert result.exit_code == 1
    assert "127.0.0.1:9/mirror/aws/vms.csv" in result.stderr


def test_forgetting_says_what_it_removed():
    assert "No prices had been fetched" in advisor("refresh", "--forget").stdout
    write_overlay({"offers": [], "inference": []})
    result = advisor("refresh", "--forget")
    assert result.exit_code == 0
    assert "Removed" in result.stdout
    assert not overlay_file().exists()


def test_fetched_series_that_are_broken_are_told():
    write_overlay({"offers": [], "inference": []})
    overlay_file().write_text("{", encoding="utf-8")
    overlay.cache_clear()
    result = advisor("show", "prices")
    assert result.exit_code == 1
    assert "--forget" in result.stderr
