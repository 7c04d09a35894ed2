"""A service's own model tuned by one command: consent first, the job followed, nothing estimated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from advisor.cli.main import cli
from tests.fixtures.tuning_server import TuningServer, tuning_server

pytest.importorskip("openai")

KEY = "sk-secret-0123456789abcdef"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Ticket {n}: the {word} is broken"},
                {"role": "assistant", "content": word},
            ]
        }
        for n in range(40)
        for word in ("printer", "screen")
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def tune(data: Path, server: TuningServer, *more: str) -> Result:
    words = ["train", "--data", str(data), "--run-dir", str(data.parent / "run")]
    words += ["--backend", "openai", "--base-url", server.base_url, "--model", "small"]
    words += ["--trainer", "hosted", "--override-gate", "the service is cheap"]
    words += ["--option", "poll_seconds=0.01", "--set", "epochs=2", "--json", *more]
    return CliRunner().invoke(cli, words)


def test_a_service_is_paid_only_with_leave_and_its_model_is_named(data: Path):
    with tuning_server() as server:
        refused = tune(data, server)
        assert refused.exit_code == 1
        assert "--yes" in json.loads(refused.stdout)["error"]["hint"]
        assert not server.jobs
        tuned = tune(data, server, "--yes")
        again = tune(data, server, "--yes")
    assert tuned.exit_code == again.exit_code == 0, tuned.output
    made = json.loads(tuned.stdout)
    assert made["trainer"] == "hosted"
    assert made["served_by"]["model"] == "ft:small:mine"
    assert made["served_by"]["settings"] == {"base_url": server.base_url}
    assert len(server.jobs) == 1
    [asked] = server.asked
    assert asked["method"]["supervised"]["hyperparameters"]["n_epochs"] == 2
    written = "".join(
        path.read_text(errors="replace") for path in data.parent.rglob("*") if path.is_file()
    )
    assert KEY not in written


def test_a_plan_value_that_no_plan_has_is_told(data: Path):
    with tuning_server() as server:
        outcome = tune(data, server, "--yes", "--set", "epochs=-1")
    assert outcome.exit_code in (1, 2)
    assert "Traceback" not in outcome.output


def test_a_budget_needs_a_price_and_a_fixed_rate_is_refused_before_anything_is_sent(data: Path):
    with tuning_server() as server:
        for words, told in (
            (("--set", "learning_rate=1e-3"), "cannot be told learning_rate"),
            (("--set", "learning_rate=auto", "--budget-usd", "5"), "nobody knows what 127.0.0.1"),
            (("--option", "usd_per_million_tokens=90000"), "budget is 5 USD"),
        ):
            outcome = tune(data, server, "--yes", *words)
            assert outcome.exit_code == 1
            assert told in json.loads(outcome.stdout)["error"]["message"]
        assert not server.files


def test_a_dry_run_shows_what_a_service_is_asked_for_and_asks_nothing(data: Path):
    with tuning_server() as server:
        outcome = tune(data, server, "--dry-run", "--option", "usd_per_million_tokens=3")
        assert not server.jobs
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    lines = {line["field"]: line for line in found["lines"]}
    assert (lines["epochs"]["value"], lines["epochs"]["set_by"]) == (2, "you")
    assert lines["model"]["value"] == "small"
    assert found["train_samples"] + found["dev_samples"] < 80
    assert "3 USD per million" in found["bill"]
    assert not (data.parent / "run").exists()
