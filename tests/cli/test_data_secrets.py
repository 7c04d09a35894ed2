"""`advisor data check` shows no secret of the data, on whatever it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli

AWS = "AKIA" + "Z7QH3LXN5WTB2RVC"
TOKEN = "ghp_" + "q7Rt2Xw9Kp4Lm8Zc3Vb6Nj1Hs5Gd0Fy2AeUi"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Labels, some of which are keys that somebody pasted into the wrong column."""
    path = tmp_path / "data.jsonl"
    rows = [{"text": f"ticket number {n} of a customer", "label": "ab"[n % 2]} for n in range(120)]
    rows += [{"text": f"pasted {n}", "label": AWS} for n in range(2)]
    rows += [{"text": "pasted here", "label": TOKEN}, {"text": "and here", "label": TOKEN.lower()}]
    rows += [{"text": "split", "label": "a", "split": AWS}, {"text": "", "label": TOKEN}]
    rows += [{"text": "licensed", "label": "a", "licence": TOKEN}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_no_secret_is_shown_anywhere(data: Path, tmp_path: Path) -> None:
    page, text = tmp_path / "check.html", tmp_path / "check.md"
    pages = ["--html", str(page), "--markdown", str(text)]
    shown = CliRunner().invoke(cli, ["data", "check", str(data), *pages])
    as_json = CliRunner().invoke(cli, ["data", "check", str(data), "--json"])
    assert (shown.exit_code, as_json.exit_code) == (0, 0)
    assert "rare_labels" in shown.output
    assert "Rows by label" in shown.output
    assert json.loads(as_json.stdout)["labels"]["[AWS access key]"] == 2
    for told in (shown.output, as_json.output, page.read_text(), text.read_text()):
        joined = "".join(told.split()).casefold()
        assert AWS.casefold() not in joined
        assert TOKEN.casefold() not in joined
        assert TOKEN[:16].casefold() not in joined


def test_no_secret_is_shown_in_an_error(data: Path) -> None:
    result = CliRunner().invoke(cli, ["data", "split", str(data), "--out", str(data.parent / "x")])
    assert result.exit_code == 1
    assert AWS not in result.output
