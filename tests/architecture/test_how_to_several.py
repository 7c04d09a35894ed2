"""What docs/how-to/more-than-one-gpu.md says is as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from advisor import registry
from advisor.cli.launch import VARIABLES
from advisor.cli.launch_install import INSTALL
from trainers.engines.trl.sharing import ACCELERATE_FILE, DEEPSPEED_FILE, SPREAD
from trainers.engines.trl.together import ENDPOINT, NODE
from trainers.launch.scripts import PORT
from trainers.launch.skypilot import IDLE_MINUTES
from trainers.launch.slurm import REQUEUES, WARNING_SECONDS


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "more-than-one-gpu.md").read_text(encoding="utf-8")


def test_strategies_and_launchers_are_those_there_are(page: str):
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert {*SPREAD, *registry.names("advisor.launchers")} <= named


def test_names_and_numbers_are_the_codes(page: str):
    for name in (ENDPOINT, NODE, INSTALL, ACCELERATE_FILE, DEEPSPEED_FILE, f":{PORT}"):
        assert name in page
    assert f"SIGTERM {WARNING_SECONDS} s before its end" in page
    assert f"at most {REQUEUES} times" in page
    assert f"within {IDLE_MINUTES} minutes" in page
    for name in re.findall(r"`([A-Z_]+_(?:TOKEN|KEY))`", page):
        assert name in VARIABLES
