"""`advisor data generate` with the echo backend, as the how-to shows it, and what labels lack."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "split-and-grow.md"
LABELS = ("shipping", "billing", "refund")


def test_the_script_of_the_how_to_writes_a_row_that_says_who_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "cache.db"))
    text = HOW_TO.read_text(encoding="utf-8")
    (script,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (tmp_path / "script.jsonl").write_text(script, encoding="utf-8")
    rows = [{"input": f"Question {n} of mine", "output": LABELS[n % 3]} for n in range(90)]
    data, out = tmp_path / "data.jsonl", tmp_path / "grown.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    labels = tmp_path / "labels.yaml"
    labels.write_text("shipping: a parcel\nbilling: a bill\nrefnd: money back\n", encoding="utf-8")
    words = ["data", "generate", str(data), "--out", str(out), "--count", "1", "--only-new"]
    words += ["--backend", "echo", "--model", "tiny", "--labels", str(labels), "--json", "--yes"]
    words += ["--backend-option", f"script={tmp_path / 'script.jsonl'}"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert "No train row has what --labels defines: 'refnd'." in told["notes"]
    assert "--labels does not define what train rows have: 'refund'." in told["notes"]
    written = json.loads(out.read_text(encoding="utf-8"))
    assert (written["completion"], written["generated_by"]) == ("shipping", "echo:tiny")
    assert told["model"] == "echo:tiny"
    shown = CliRunner().invoke(cli, ["cache", "show", "--json"])
    assert list(json.loads(shown.stdout)["models"]) == ["echo:tiny"]
    checked = CliRunner().invoke(cli, ["data", "check", str(out), "--json"])
    assert "not used" not in " ".join(json.loads(checked.stdout)["notes"])
