"""Exports that a server serves are checked where it runs; no model and no GPU."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor import registry
from advisor.cli.main import cli
from advisor.errors import (
    BackendError,
    ConsentError,
    InputError,
    MissingArtifactError,
)
from advisor.shipping.export_record import read_record
from advisor.shipping.exporting import export_run
from tests.fixtures.chat_service import chat_service
from tests.fixtures.finished_runs import (
    copying,
    finished,
    pipeline,
    run,
    wish,
)

__all__ = ["copying", "finished", "run"]

pytest.importorskip("scipy")


def lookup(run: Path):
    """What the tuned model says, as a server would."""
    model = next((run / "training").glob("*/final"))
    session = registry.backend("dry_run").open(str(model), {})
    return lambda _model, prompt: session.generate([prompt], max_new_tokens=64)[0].text


@pytest.mark.parametrize(("is_right", "code"), [(True, 0), (False, 5)])
def test_a_running_server_is_checked_by_the_command(run, copying, is_right, code):
    copying.served = False  # nothing here opens it, which the first record says
    words = ["export", "--run-dir", str(run), "--to", "copied", "--json"]
    made = CliRunner().invoke(cli, [*words, "--no-check"])
    assert made.exit_code == 0, made.output
    said = lookup(run)
    answer = said if is_right else lambda model, prompt: said(model, prompt)[::-1]
    with chat_service(answer) as (url, asked):
        told = CliRunner().invoke(cli, [*words, "--check-at", url, "--check", "10"])
    assert told.exit_code == code, told.output
    found = json.loads(told.stdout)["agreement"]
    assert found["verdict"] == ("same" if is_right else "different")
    assert set(asked) == {"house-codes"}
    assert found["asked_agreement"] == 0.9
    assert url.removeprefix("http://").removesuffix("/v1") in found["exported"]
    assert json.loads((run / "exports/copied/export.json").read_text())["agreement"] == found
    assert "No program here opens copies" in made.stdout
    assert "No program here opens copies" not in told.stdout
    assert "No program here" not in (run / "exports/copied/README.md").read_text()


def test_a_server_elsewhere_is_asked_with_leave_only(run, copying):
    words = ["export", "--run-dir", str(run), "--to", "copied", "--json"]
    assert CliRunner().invoke(cli, [*words, "--no-check"]).exit_code == 0
    told = CliRunner().invoke(cli, [*words, "--check-at", "http://models.example/v1"])
    assert told.exit_code != 0
    with pytest.raises(ConsentError, match=r"models\.example"):
        export_run(pipeline(run), wish(check_at="http://models.example/v1"))


@pytest.mark.parametrize(
    "address", ["localhost:8000", "http://", "ftp://127.0.0.1/v1", "http://[1"]
)
def test_what_is_no_address_is_told(run, copying, address):
    export_run(pipeline(run), wish(check=0))
    with pytest.raises(InputError, match="address"):
        export_run(pipeline(run), wish(check_at=address))


def test_a_server_that_is_not_there_is_told_at_once_and_the_record_stays(run, copying, monkeypatch):
    from trainers.engines.dry_run import DryRunSession

    before = export_run(pipeline(run), wish(check=3))
    monkeypatch.setattr(DryRunSession, "generate", None)  # the run's own model is not asked
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    began = time.monotonic()
    with pytest.raises(BackendError, match="No service answers") as told:
        export_run(pipeline(run), wish(check_at=address))
    assert time.monotonic() - began < 2
    assert told.value.hint == "Start it, or check --check-at."
    assert read_record(run / "exports" / "copied").agreement == before.agreement


def test_a_server_is_checked_after_an_export_only(run, copying):
    with pytest.raises(MissingArtifactError, match="no export as copied"):
        export_run(pipeline(run), wish(check_at="http://127.0.0.1:9/v1"))
