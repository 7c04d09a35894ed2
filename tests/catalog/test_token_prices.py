"""Prices per token: the user's file first, then this machine, genai-prices and the catalog."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from advisor.catalog import genai_snapshot
from advisor.catalog.token_prices import is_this_machine, token_price
from advisor.errors import CatalogError
from advisor.schema.purse import TokenPrice

DAY = "2026-11-26"
OWN = """\
prices:
  - model: gpt-4o*
    usd_per_million_input_tokens: "0.20"
    usd_per_million_output_tokens: 0.6
  - model: gpt-4o-mini
    host: llm.example.com
    usd_per_million_input_tokens: "0"
    usd_per_million_output_tokens: "0"
    note: contract
  - model: later
    from: 2026-12-01
    usd_per_million_input_tokens: "1"
    usd_per_million_output_tokens: "1"
"""


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def refuse(*_: object) -> None:
        raise AssertionError("a price must not need the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def without_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genai_snapshot, "find_spec", lambda _: None)


def price(model: str, provider: str = "openai", **more: object) -> TokenPrice | None:
    return token_price(model, provider=provider, as_of=DAY, **more)  # type: ignore[arg-type]


def dollars(found: TokenPrice | None) -> tuple[float, float] | None:
    return found and (found.prompt_usd_per_million, found.completion_usd_per_million)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "prices.yaml"
    file.write_text(OWN, encoding="utf-8")
    return file


def test_the_users_file_is_believed_first(own: Path):
    found = price("gpt-4o-mini", prices_file=own)
    assert dollars(found) == (0.2, 0.6)
    assert found is not None
    assert found.provenance.source == "prices.yaml"


def test_an_entry_for_one_host_holds_there_only(own: Path):
    found = price("gpt-4o-mini", prices_file=own, base_url="https://llm.example.com/v1")
    assert dollars(found) == (0.0, 0.0)
    assert found is not None
    assert found.provenance.note == "contract"


def test_an_entry_holds_from_its_day_on(own: Path):
    assert price("later", prices_file=own) is None
    found = token_price("later", provider="openai", prices_file=own, as_of="2026-12-01")
    assert dollars(found) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("prices:\n  - model: a\n", "prices.yaml:2", "Missing"),
        (OWN.replace("0.6", "-1"), "prices.yaml:4", "'-1' is no price."),
        (OWN.replace("0.6", "cheap"), "prices.yaml:4", "'cheap' is no price."),
        (OWN.replace("note:", "remark:"), "prices.yaml:9", "Unknown key 'remark'."),
        (OWN.replace("2026-12-01", "soon"), "prices.yaml:11", "must be a date"),
        ("- a\n", "prices.yaml:1", "holds no mapping"),
        ("prices: [\n", "prices.yaml:", "not valid YAML"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, text: str, line: str, said: str):
    file = tmp_path / "prices.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError, match=said) as caught:
        price("gpt-4o", prices_file=file)
    assert line in caught.value.where
    assert caught.value.hint


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(CatalogError, match="There is no file"):
        price("gpt-4o", prices_file=tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "url", ["http://localhost:11434/v1", "http://127.0.0.1:8000/v1", "http://[::1]:1/v1"]
)
def test_this_machine_costs_nothing(url: str):
    found = price("gpt-4o", base_url=url)
    assert dollars(found) == (0.0, 0.0)
    assert found is not None
    assert found.provenance.source == "this machine"


def test_the_variable_with_the_address_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    assert dollars(price("gpt-4o")) == (0.0, 0.0)


def test_genai_prices_knows_models_versions_and_sellers():
    pytest.importorskip("genai_prices")
    found = price("gpt-4o-mini-2024-07-18")
    assert dollars(found) == (0.15, 0.6)
    assert found is not None
    assert found.provenance.source.startswith("genai-prices 0.")
    together = "https://api.together.xyz/v1"
    assert price("meta-llama/Llama-3.3-70B-Instruct-Turbo", base_url=together) is not None
    assert price("claude-sonnet-4-5", provider="anthropic") is not None


def test_longer_prompts_at_another_price_are_noted():
    pytest.importorskip("genai_prices")
    found = price("claude-sonnet-4-5", provider="anthropic")
    assert dollars(found) == (3.0, 15.0)
    assert found is not None
    assert "prompt 6 above 200000 tokens" in found.provenance.note


def test_prices_by_the_hour_are_taken_at_the_dearest():
    pytest.importorskip("genai_prices")
    found = price("deepseek-chat", base_url="https://api.deepseek.com/v1")
    assert found is not None
    assert "at the dearest hour" in found.provenance.note


def test_an_earlier_day_has_its_own_price():
    pytest.importorskip("genai_prices")
    then, now = (
        token_price("o3", provider="openai", as_of=day) for day in ("2025-06-01", "2026-11-26")
    )
    assert then is not None
    assert now is not None
    assert then.prompt_usd_per_million > now.prompt_usd_per_million


@pytest.mark.usefixtures("without_snapshot")
def test_the_catalog_answers_where_the_package_is_not_installed():
    found = price("gpt-4o-mini")
    assert dollars(found) == (0.15, 0.6)
    assert found is not None
    assert found.provenance.as_of == "2026-08-05"
    tuned = price("ft:gpt-4o-mini-2024-07-18:acme::x")
    assert dollars(tuned) == (0.3, 1.2)
    sonnet = price("claude-sonnet-4.5", provider="anthropic")
    assert sonnet is not None
    assert "above 200000 prompt tokens" in sonnet.provenance.note


def test_what_nobody_knows_stays_unknown():
    assert price("gpt-nosuch") is None
    assert price("gpt-4o", base_url="https://llm.example.com/v1") is None
    assert price("gpt-4o", provider="") is None


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("127.0.0.1", True), ("localhost", True), ("127.example.com", False), ("127.0.0.1.x", False)],
)
def test_only_an_address_of_this_machine_is_free(host: str, *, is_here: bool):
    assert is_this_machine(host) is is_here
